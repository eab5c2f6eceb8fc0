import type { Finding } from '../../rollouts/outcome.ts';
import { counts } from '../arm-result.ts';
import { type ArmResult, type Results, SUCCESS_THRESHOLD, type TaskResult } from '../results.ts';
import { plural } from './format.ts';
import { heatCell, scrollClass } from './heat-cell.ts';
import { clip, html, type Markup } from './html.ts';
import { taskDetail } from './task-detail.ts';
import { OUTCOME_WORDS } from './words.ts';

/** One task with its result in each arm, in the order of the arms. */
export interface TaskRow {
  readonly task: TaskResult;
  readonly byArm: readonly (TaskResult | undefined)[];
}

/** Filters work without a script: each is a radio button that a style rule asks for. */
const FILTERS = [
  { id: 'all', label: 'all' },
  { id: 'unsolved', label: 'unsolved' },
  { id: 'differ', label: 'arms differ' },
  { id: 'findings', label: 'with findings' },
  { id: 'missing', label: 'missing data' },
] as const;

/** The heat map: a row a task, a column an arm; a row opens to its checks and samples. */
export function taskTable(results: Results): Markup {
  const { arms } = results;
  const rows = taskRows(arms);
  const flags = rows.map((row) => flagsOf(row, arms));
  const controls = FILTERS.map(({ id, label }) => {
    const number = flags.filter((flag) => id === 'all' || flag.has(id)).length;
    return html`<input type="radio" name="filter" id="f-${id}"${id === 'all' && html` checked`}><label for="f-${id}">${label} <b>${number}</b></label>`;
  });
  return html`<section class="tasks" id="tasks"><h2>Tasks</h2>
    <p class="hint">Final score in points of 100, mean over the samples of the task. Open a row for its checks, samples and findings.</p>
    <div class="filters" role="radiogroup" aria-label="Which tasks">${controls}</div>
    <div class="${scrollClass(arms.length)}"><div class="grid" style="--arms:${arms.length}">
      <div class="row head"><span>task</span><span>category</span><span></span>${arms.map((arm) => html`<span class="arm name" title="${arm.name}">${arm.name}</span>`)}</div>
      ${rows.map((row, index) => taskRow(row, arms, flags[index] ?? new Set()))}
    </div></div></section>`;
}

function taskRows(arms: readonly ArmResult[]): TaskRow[] {
  const tasks = new Map(arms.flatMap((arm) => arm.tasks).map((task) => [task.id, task]));
  const lookups = arms.map((arm) => new Map(arm.tasks.map((task) => [task.id, task])));
  return [...tasks.values()].map((task) => ({
    task,
    byArm: lookups.map((lookup) => lookup.get(task.id)),
  }));
}

/** Findings about the host or the run, not about what an agent did: a note on top says them once. */
const OF_THE_RUN: ReadonlySet<Finding['code']> = new Set([
  'HostPython',
  'NoResourceLimits',
  'RubricNotJudged',
]);
const isOfTheTask = ({ code }: Finding): boolean => !OF_THE_RUN.has(code);

function flagsOf({ byArm }: TaskRow, arms: readonly ArmResult[]): Set<string> {
  const flags = new Set<string>();
  const compared = byArm.filter((_, index) => {
    const kind = arms[index]?.kind;
    return kind === 'model' || kind === 'replay' || kind === 'program';
  });
  // where only floors and ceilings ran, they are what there is to compare
  const subjects = (compared.length > 0 ? compared : byArm).filter((cell) => cell !== undefined);
  const scores = subjects.flatMap((cell) => cell.mean.final ?? []);
  if (scores.some((score) => score < SUCCESS_THRESHOLD)) flags.add('unsolved');
  const all = byArm.flatMap((cell) => cell?.mean.final ?? []);
  const differing = compared.length > 1 ? scores : all;
  if (differing.some((score) => score !== differing[0])) flags.add('differ');
  const samples = byArm.flatMap((cell) => cell?.attempts ?? []);
  if (samples.some((sample) => sample.findings.some(isOfTheTask))) flags.add('findings');
  if (samples.some((sample) => !counts(sample) && sample.outcome !== 'not_gradable')) {
    flags.add('missing');
  }
  return flags;
}

function taskRow(row: TaskRow, arms: readonly ArmResult[], flags: ReadonlySet<string>): Markup {
  const { task } = row;
  return html`<details class="task" data-flags="${[...flags].join(' ')}"><summary class="row">
    <span class="id name">${task.id}</span><span class="category name">${clip(task.category, 60)}</span>
    <span class="badges">${badges(row, flags)}</span>${row.byArm.map(taskCell)}
  </summary>${taskDetail(row, arms)}</details>`;
}

function badges({ task }: TaskRow, flags: ReadonlySet<string>): Markup[] {
  const found: Markup[] = [];
  if (task.agentCode === 'in-process') {
    found.push(
      html`<span class="tag warn" title="the verifier runs the agent's code in its own process">in-process</span>`,
    );
  }
  if (task.agentCode === 'child') {
    found.push(
      html`<span class="tag" title="the verifier runs the agent's code as a child">child</span>`,
    );
  }
  if (flags.has('findings')) found.push(html`<span class="flag" title="has findings">⚑</span>`);
  return found;
}

function taskCell(cell: TaskResult | undefined): Markup {
  if (cell === undefined) return html`<span class="heat none">–</span>`;
  const outcomes = Map.groupBy(cell.attempts, (sample) => sample.outcome);
  const hint = [...outcomes]
    .map(([outcome, samples]) => `${OUTCOME_WORDS[outcome].label} ${samples.length}`)
    .join(', ');
  const apart = cell.attempts.every((sample) => sample.outcome === 'not_gradable');
  const note = `${hint} (${plural(cell.attempts.length, 'sample')})`;
  return heatCell(cell.mean.final, apart ? 'apart' : 'missing', note);
}
