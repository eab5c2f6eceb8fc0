import { points } from './format.ts';
import { html, type Markup } from './html.ts';

/** Most arms whose columns fit the page. */
const MOST_ARMS = 9;

/** Class of what holds a table with a column an arm: with many arms it scrolls on every screen. */
export function scrollClass(arms: number): string {
  return arms > MOST_ARMS ? 'scroll many' : 'scroll';
}

/** A coloured cell with the score in points of 100; `mark` says why there is none. */
export function heatCell(
  score: number | null,
  mark: 'missing' | 'apart' | undefined,
  hint: string | undefined,
): Markup {
  const title = hint !== undefined && html` title="${hint}"`;
  if (score === null) {
    return html`<span class="heat ${mark ?? 'none'}"${title}>${mark === 'apart' ? 'n/g' : '–'}</span>`;
  }
  const share = Math.min(1, Math.max(0, score));
  return html`<span class="heat" style="--s:${(share * 100).toFixed(1)}%"${title}>${points(score)}</span>`;
}
