import { Markup } from './html.ts';
import { LAYOUT_CSS } from './style-layout.ts';
import { TABLE_CSS } from './style-tables.ts';

/** Light by default, dark where the reader's system asks for it; printable. */
const COLOUR_CSS = `
:root{color-scheme:light dark;
--bg:#f6f7f9;--panel:#fff;--ink:#1a2130;--soft:#5b6577;--faint:#8b94a5;--line:#e1e5eb;--grid:#eceff3;
--accent:#2f6fdb;--floor:#8a93a3;--ceiling:#7a5bc7;--replay:#c07a1a;--program:#2d8a86;--model:#2f6fdb;--cheat:#c2413b;
--heat-lo:#fbeee9;--heat-mid:#f7e3ae;--heat-hi:#8fcfa6;--heat-ink:#17251c;
--scored:#4c9f70;--timeout:#d9a441;--error:#d0694f;--budget:#b48ad6;--missing:#9aa3b2;--apart:#d5dae2;
--warn-bg:#fff5e0;--warn-line:#e3b04b;--warn-ink:#6b4a00;--info-bg:#edf3fd;--info-line:#9dbcf0;
--ref:#c2413b;--shadow:0 1px 2px rgb(16 24 40/.06)}
@media (prefers-color-scheme:dark){:root{
--bg:#11151c;--panel:#191f29;--ink:#e6eaf1;--soft:#a4aebf;--faint:#778297;--line:#2a3240;--grid:#262e3b;
--accent:#7aa7f5;--floor:#8b95a7;--ceiling:#a88cf0;--replay:#e0a452;--program:#5cbab5;--model:#6d9ff5;--cheat:#e8746d;
--heat-lo:#40292a;--heat-mid:#4f4424;--heat-hi:#25694a;--heat-ink:#eef3ee;
--scored:#4fa878;--timeout:#d3a04a;--error:#d8745c;--budget:#a884d0;--missing:#6f7a8d;--apart:#3c4657;
--warn-bg:#2e2615;--warn-line:#8f6d27;--warn-ink:#f0d79c;--info-bg:#1a2536;--info-line:#3a5886;
--ref:#ef8a83;--shadow:none}}
@media print{body{background:#fff}.filters{display:none}.card,.note,section{break-inside:avoid-page}}
`;

export const STYLE = new Markup(`<style>${COLOUR_CSS}${LAYOUT_CSS}${TABLE_CSS}</style>`);
