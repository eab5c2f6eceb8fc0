/** Page, notes and arm cards. */
export const LAYOUT_CSS = `
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:1160px;margin:0 auto;padding:36px 24px 64px}
h1{font-size:30px;line-height:1.2;margin:2px 0 6px;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:19px;margin:44px 0 12px;letter-spacing:-.01em}
h3{font-size:17px;margin:0}
p{margin:0 0 10px}
code,.mono,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.86em}
.name{unicode-bidi:isolate;overflow-wrap:anywhere}
.brand{margin:0;color:var(--accent);font-weight:600;font-size:13px;letter-spacing:.04em}
.sub,.hint,.meta{color:var(--soft)}
.hint,.meta{font-size:13px}
.num{text-align:right;font-variant-numeric:tabular-nums}
.strong{font-weight:600}
.tag{display:inline-block;padding:0 7px;border:1px solid var(--line);border-radius:10px;font-size:11.5px;line-height:18px;color:var(--soft);background:var(--panel);white-space:nowrap}
.tag.warn{background:var(--warn-bg);border-color:var(--warn-line);color:var(--warn-ink)}
.tag.floor{color:var(--floor);border-color:var(--floor)}
.tag.ceiling{color:var(--ceiling);border-color:var(--ceiling)}
.tag.replay{color:var(--replay);border-color:var(--replay)}
.tag.program{color:var(--program);border-color:var(--program)}
.tag.model{color:var(--model);border-color:var(--model)}
.tag.cheat{color:var(--cheat);border-color:var(--cheat)}
.notices{display:grid;gap:10px;margin:20px 0 24px}
.notices:empty{display:none}
.note{margin:0;padding:12px 16px;border:1px solid var(--info-line);background:var(--info-bg);border-radius:10px}
.note.warn{border-color:var(--warn-line);background:var(--warn-bg)}
.note ul{margin:4px 0 8px;padding-left:20px}
.note.warn ul{margin:0}
.note li+li{margin-top:3px}
.note p{margin:0 0 4px}
pre.command{margin:0;padding:9px 12px;background:var(--panel);border:1px solid var(--line);border-radius:7px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
.arms{display:grid;gap:12px}
.card{display:grid;grid-template-columns:220px 150px minmax(0,1fr);gap:10px 24px;padding:18px 20px 14px;background:var(--panel);border:1px solid var(--line);border-left:4px solid var(--tone);border-radius:10px;box-shadow:var(--shadow)}
.kind-floor{--tone:var(--floor)}.kind-ceiling{--tone:var(--ceiling)}.kind-replay{--tone:var(--replay)}.kind-program{--tone:var(--program)}.kind-model{--tone:var(--model)}.kind-cheat{--tone:var(--cheat)}
.card header h3{display:inline;margin-right:8px}
.who{margin:4px 0 0;color:var(--soft);font-size:13px;line-height:1.4}
.headline{display:flex;flex-direction:column;align-items:flex-start;gap:3px}
.big{font-size:32px;line-height:1;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.range{color:var(--soft);font-size:13px;font-variant-numeric:tabular-nums}
.bar{display:block;width:100%;overflow:visible}
.bar .grid{stroke:var(--grid);stroke-width:1}
.bar .fill{fill:var(--tone);opacity:.78}
.bar .ref{stroke:var(--ref);stroke-width:1.5;stroke-dasharray:3 3}
.whisker line{stroke:var(--ink);stroke-width:1.6}
.axis{display:flex;justify-content:space-between;color:var(--faint);font-size:11px;line-height:14px;margin-bottom:10px}
.axis span{width:0;display:flex;justify-content:center;white-space:nowrap}
.axis span:first-child{justify-content:flex-start}
.axis span:last-child{justify-content:flex-end}
.stack{display:flex;gap:2px;height:8px;border-radius:4px;overflow:hidden;background:var(--grid)}
.seg{min-width:3px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 14px;margin:6px 0 0;padding:0;color:var(--soft);font-size:12.5px}
.legend b{color:var(--ink);font-weight:600}
.dot{display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:6px}
.scored{background:var(--scored)}.timeout{background:var(--timeout)}.error{background:var(--error)}.budget{background:var(--budget)}.missing{background:var(--missing)}.apart{background:var(--apart)}
.facts{grid-column:1/-1;display:flex;flex-wrap:wrap;gap:4px 30px;margin:2px 0 0;padding-top:10px;border-top:1px solid var(--grid)}
.facts dt{font-size:11.5px;color:var(--faint)}
.facts dd{margin:0;font-variant-numeric:tabular-nums}
.refkey{margin:8px 0 0;font-size:12.5px;color:var(--soft)}
.refkey i{display:inline-block;height:14px;border-left:2px dashed var(--ref);margin:0 7px 0 2px;vertical-align:-2px}
footer{margin-top:48px;color:var(--faint);font-size:12.5px}
@media (max-width:820px){main{padding:20px 14px 48px}.card{grid-template-columns:1fr auto}.chart{grid-column:1/-1}.scroll{overflow-x:auto}}
`;
