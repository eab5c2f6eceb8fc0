import { armCards } from './report/arm-cards.ts';
import { categoryTable } from './report/category-table.ts';
import { findingsSection } from './report/findings-section.ts';
import { plural, samplesPerTask, shortDigest } from './report/format.ts';
import { html } from './report/html.ts';
import { notices } from './report/notices.ts';
import { reproducibility } from './report/reproducibility.ts';
import { STYLE } from './report/style.ts';
import { taskTable } from './report/task-table.ts';
import type { Results } from './results.ts';

export interface ReportOptions {
  /** The one line that runs a real model, shown where an arm is no model result. */
  readonly realModelCommand?: string;
}

/**
 * No script, no request: should an escape ever be missed, the browser still runs and loads nothing.
 */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** One self-contained HTML page. */
export function renderReport(results: Results, options: ReportOptions = {}): string {
  const samples = samplesPerTask(results);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">
<title>${results.name} · ClawGym report</title>${STYLE}</head>
<body><main>
<header class="page"><p class="brand">ClawGym report</p><h1 class="name">${results.name}</h1>
<p class="sub">${plural(results.taskSet.tasks, 'task')} · ${plural(results.arms.length, 'arm')} · ${plural(samples, 'sample')} a task · ${results.createdAt.slice(0, 16).replace('T', ' ')} UTC · task set <code>${shortDigest(results.taskSet.digest)}</code></p></header>
${notices(results, options.realModelCommand)}
${armCards(results.arms)}
${categoryTable(results.arms)}
${taskTable(results)}
${findingsSection(results.arms)}
${reproducibility(results)}
<footer>${results.product.name} ${results.product.version}</footer>
</main></body></html>
`;
  return page.text;
}
