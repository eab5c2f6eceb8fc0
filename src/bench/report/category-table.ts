import type { ArmResult } from '../results.ts';
import { percent } from './format.ts';
import { heatCell, scrollClass } from './heat-cell.ts';
import { clip, html, type Markup } from './html.ts';

/** Mean by category and arm; a category is a row, the macro mean of all categories the last one. */
export function categoryTable(arms: readonly ArmResult[]): Markup | undefined {
  const names = [...new Set(arms.flatMap((arm) => arm.categories.map((row) => row.category)))];
  if (names.length < 2) return undefined;
  const rows = names.toSorted().map((name) => {
    const cells = arms.map((arm) => arm.categories.find((row) => row.category === name));
    const tasks = Math.max(0, ...cells.map((cell) => cell?.tasks ?? 0));
    return html`<tr><th scope="row" class="name">${name === '' ? '(no category)' : clip(name, 60)}</th><td class="num">${tasks}</td>${cells.map(
      (cell) =>
        html`<td>${heatCell(cell?.mean.final ?? null, cell === undefined || cell.mean.final !== null ? undefined : 'missing', cell && `solved ${percent(cell.success)}, coverage ${percent(cell.coverage)}`)}</td>`,
    )}</tr>`;
  });
  const macro = arms.map((arm) => {
    const means = arm.categories.flatMap((row) => row.mean.final ?? []);
    return means.length === 0 ? null : means.reduce((sum, value) => sum + value, 0) / means.length;
  });
  return html`<section><h2>Categories</h2><div class="${scrollClass(arms.length)}"><table class="categories" style="--arms:${arms.length}">
    <thead><tr><th scope="col">category</th><th scope="col" class="num">tasks</th>${arms.map((arm) => html`<th scope="col" class="arm name" title="${arm.name}">${arm.name}</th>`)}</tr></thead>
    <tbody>${rows}</tbody>
    <tfoot><tr><th scope="row">mean of categories</th><td></td>${macro.map((value) => html`<td class="num strong">${percent(value)}</td>`)}</tr></tfoot>
  </table></div></section>`;
}
