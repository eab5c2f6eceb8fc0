import type { Finding } from '../../rollouts/outcome.ts';
import type { ArmResult } from '../results.ts';
import { plural } from './format.ts';
import { clip, html, type Markup } from './html.ts';

interface Found {
  readonly arm: string;
  readonly task: string;
  readonly finding: Finding;
}

/** Most lines shown under one code. */
const MAX_LINES = 40;

/** All findings by code, the rarest first: what is everywhere is seldom the news. */
export function findingsSection(arms: readonly ArmResult[]): Markup {
  const all: Found[] = arms.flatMap((arm) =>
    arm.tasks.flatMap((task) =>
      task.attempts.flatMap((sample) =>
        sample.findings.map((finding) => ({ arm: arm.name, task: task.id, finding })),
      ),
    ),
  );
  const groups = [...Map.groupBy(all, (found) => found.finding.code)];
  groups.sort(([, a], [, b]) => a.length - b.length);
  const body =
    groups.length === 0
      ? html`<p class="hint">None: no protected input was changed, no verifier flaked, no limit was hit.</p>`
      : groups.map(([code, found]) => group(code, found));
  return html`<section id="findings"><h2>Findings</h2>${body}</section>`;
}

function group(code: string, found: readonly Found[]): Markup {
  const rest = found.length - MAX_LINES;
  const tasks = new Set(found.map(({ task }) => task)).size;
  return html`<details class="finding"><summary><span class="code">${code}</span><span class="hint">${plural(found.length, 'finding')} on ${plural(tasks, 'task')}</span></summary>
    <ul class="findings">${found
      .slice(0, MAX_LINES)
      .map(
        ({ arm, task, finding }) =>
          html`<li><b class="name">${task}</b> <span class="name">${arm}</span>: <span class="name">${clip(finding.message, 600)}</span></li>`,
      )}${rest > 0 && html`<li class="hint">${rest} more in results.json.</li>`}</ul></details>`;
}
