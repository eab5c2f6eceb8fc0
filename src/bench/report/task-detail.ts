import { mean } from '../../base/statistics.ts';
import type { ArmResult, SampleResult } from '../results.ts';
import { count, duration, points, shortDigest } from './format.ts';
import { heatCell } from './heat-cell.ts';
import { type Content, clip, html, type Markup } from './html.ts';
import type { TaskRow } from './task-table.ts';
import { OUTCOME_WORDS } from './words.ts';

/** Most checks and findings shown for one task; results.json has all. */
const MAX_CHECKS = 100;
const MAX_FINDINGS = 30;

/** What opens under a task's row. */
export function taskDetail(row: TaskRow, arms: readonly ArmResult[]): Markup {
  return html`<div class="detail">
    <p class="meta">digest <code>${shortDigest(row.task.digest)}</code>${row.task.cluster !== '' && html` · lineage <span class="name">${row.task.cluster}</span>`} · verifier runs agent code: ${row.task.agentCode}</p>
    ${checksTable(row, arms)}${samplesTable(row, arms)}${findingsList(row, arms)}</div>`;
}

/** Each check's mean over the samples that have it, by arm. */
function checksTable(row: TaskRow, arms: readonly ArmResult[]): Content {
  const perArm = row.byArm.map((cell) => valuesByCheck(cell?.attempts ?? []));
  const names = [...new Set(perArm.flatMap((values) => [...values.keys()]))];
  if (names.length === 0) return html`<p class="hint">No checks: nothing was verified here.</p>`;
  const shown = names.slice(0, MAX_CHECKS);
  return html`<table class="checks"><thead><tr><th scope="col">check</th>${arms.map((arm) => html`<th scope="col" class="arm name" title="${arm.name}">${arm.name}</th>`)}</tr></thead><tbody>${shown.map(
    (name) =>
      html`<tr><th scope="row" class="name mono">${clip(name)}</th>${perArm.map((values) => html`<td>${heatCell(mean(values.get(name) ?? []), undefined, undefined)}</td>`)}</tr>`,
  )}</tbody></table>${
    names.length > shown.length &&
    html`<p class="hint">${names.length - shown.length} more checks in results.json.</p>`
  }`;
}

function valuesByCheck(samples: readonly SampleResult[]): ReadonlyMap<string, readonly number[]> {
  const values = new Map<string, number[]>();
  for (const sample of samples) {
    for (const [name, value] of Object.entries(sample.checks)) {
      values.set(name, [...(values.get(name) ?? []), value]);
    }
  }
  return values;
}

function samplesTable(row: TaskRow, arms: readonly ArmResult[]): Markup {
  const lines = arms.flatMap((arm, index) =>
    (row.byArm[index]?.attempts ?? []).map((sample) => sampleLine(arm, sample)),
  );
  return html`<table class="samples"><thead><tr><th scope="col">arm</th><th scope="col" class="num">sample</th><th scope="col">outcome</th><th scope="col" class="num">final</th><th scope="col" class="num">native</th><th scope="col" class="num">flat</th><th scope="col" class="num" title="final score with the inputs as the agent left them">as left</th><th scope="col" class="num">time</th><th scope="col" class="num">tokens</th><th scope="col">rollout</th></tr></thead><tbody>${lines}</tbody></table>`;
}

function sampleLine(arm: ArmResult, sample: SampleResult): Markup {
  const { label, tone } = OUTCOME_WORDS[sample.outcome];
  const { score, asLeft, tokens } = sample;
  return html`<tr><td class="name">${arm.name}</td><td class="num">${sample.sample + 1}</td>
    <td><i class="dot ${tone}"></i>${label}${sample.reason !== '' && html` <span class="reason name">${clip(sample.reason)}</span>`}${sample.tries > 1 && html` <span class="tag">${sample.tries} tries</span>`}</td>
    <td class="num strong">${points(score.final)}</td><td class="num">${points(score.native)}</td><td class="num">${points(score.flat)}</td>
    <td class="num">${asLeft === null ? '' : points(asLeft.final)}</td><td class="num">${duration(sample.seconds)}</td>
    <td class="num">${tokens.calls === 0 ? '' : count(tokens.input + tokens.output)}</td><td class="mono name">${clip(sample.rollout, 80)}</td></tr>`;
}

function findingsList(row: TaskRow, arms: readonly ArmResult[]): Content {
  const all = arms.flatMap((arm, index) =>
    (row.byArm[index]?.attempts ?? []).flatMap((sample) =>
      sample.findings.map((finding) => ({ arm: arm.name, sample: sample.sample + 1, finding })),
    ),
  );
  if (all.length === 0) return undefined;
  return html`<ul class="findings">${all
    .slice(0, MAX_FINDINGS)
    .map(
      ({ arm, sample, finding }) =>
        html`<li><span class="tag">${finding.code}</span> <span class="name">${arm}</span> sample ${sample}: <span class="name">${clip(finding.message, 600)}</span></li>`,
    )}${all.length > MAX_FINDINGS && html`<li class="hint">${all.length - MAX_FINDINGS} more in results.json.</li>`}</ul>`;
}
