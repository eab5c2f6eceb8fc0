import type { Results } from '../results.ts';
import { html, type Markup } from './html.ts';

/** What is needed to run this again, and to tell whether two runs may be compared. */
export function reproducibility(results: Results): Markup {
  const rows: [string, Markup][] = [
    ['command', html`<pre class="command"><code>${results.command}</code></pre>`],
    ['product', html`${results.product.name} ${results.product.version}`],
    ['started', html`${results.createdAt}`],
    ['task set', html`<code>${results.taskSet.digest}</code> (${results.taskSet.tasks} tasks)`],
    ['graders', html`${graders(results)}`],
    ['code score', html`${results.score}`],
    ...Object.entries(results.parameters).map(([name, value]): [string, Markup] => [
      name,
      html`<span class="name">${value}</span>`,
    ]),
  ];
  const arms = results.arms.map(
    (arm) =>
      html`<tr><td class="name">${arm.name}</td><td class="name">${arm.agent.name} ${arm.agent.version}</td><td class="name">${arm.model ?? '–'}</td><td><code>${arm.agent.configDigest}</code></td><td><code>${arm.specDigest}</code></td></tr>`,
  );
  return html`<section id="reproducibility"><h2>Reproducibility</h2>
    <dl class="repro">${rows.map(([name, value]) => html`<dt class="name">${name}</dt><dd>${value}</dd>`)}</dl>
    <div class="scroll"><table class="samples"><thead><tr><th scope="col">arm</th><th scope="col">agent</th><th scope="col">model</th><th scope="col">configuration digest</th><th scope="col">specification digest</th></tr></thead><tbody>${arms}</tbody></table></div>
    <p class="hint">Headline: mean over tasks of the task mean, of the agents' own results only. Intervals: 95 %, for new tasks from the same source, from task-level standard errors (Student t; Wilson where that degenerates). Missing data never counts as 0. All numbers can be computed again from rollouts.jsonl.</p></section>`;
}

function graders(results: Results): Markup[] {
  if (results.graders.length === 0) return [html`none ran`];
  return results.graders.map(
    ({ root, python }) =>
      html`<div>Python ${python} in ${root === 'host' ? html`<span class="tag warn">host</span>` : html`<code>${root}</code>`}</div>`,
  );
}
