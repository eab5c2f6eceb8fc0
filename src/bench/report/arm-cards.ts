import { median } from '../../base/statistics.ts';
import { isAgentResult } from '../../rollouts/outcome.ts';
import { type ArmResult, RESULT_OUTCOMES, type SampleResult } from '../results.ts';
import { count, duration, percent } from './format.ts';
import { html, type Markup } from './html.ts';
import { KIND_WORDS, OUTCOME_WORDS } from './words.ts';

/** One card an arm, their bars on one common axis; floors run through all bars as lines. */
export function armCards(arms: readonly ArmResult[]): Markup {
  const floors = arms.filter((arm) => arm.kind === 'floor' && arm.mean.final !== null);
  return html`<section class="arms" aria-label="Arms">${arms.map((arm) => card(arm, floors))}${floorKey(floors)}</section>`;
}

function floorKey(floors: readonly ArmResult[]): Markup | false {
  if (floors.length === 0) return false;
  const names = floors.map(
    (floor, index) =>
      html`${index > 0 && ', '}<span class="name">${floor.name}</span> ${percent(floor.mean.final)}`,
  );
  return html`<p class="refkey"><i></i>floors: ${names} · whiskers: 95 % interval for new tasks from the same source</p>`;
}

function card(arm: ArmResult, floors: readonly ArmResult[]): Markup {
  const { interval } = arm;
  return html`<article class="card kind-${arm.kind}">
    <header><h3 class="name">${arm.name}</h3><span class="tag ${arm.kind}" title="${KIND_WORDS[arm.kind].hint}">${KIND_WORDS[arm.kind].label}</span>
      <p class="who"><span class="name">${arm.agent.name} ${arm.agent.version}</span>${arm.model !== null && html` · <span class="name">${arm.model}</span>`}</p></header>
    <div class="headline"><span class="big">${percent(arm.mean.final)}</span>
      <span class="range">${interval === null ? 'no interval' : `${percent(interval.low)} – ${percent(interval.high)}`}</span>
      ${!arm.complete && html`<span class="tag warn">incomplete</span>`}</div>
    <div class="chart">${scoreBar(arm, floors)}${outcomeStack(arm)}</div>
    <dl class="facts">${facts(arm)}</dl>
  </article>`;
}

/** Missing data has no time of its own: what was not run yet took none. */
function isResult({ outcome }: SampleResult): boolean {
  return outcome !== 'undecided' && isAgentResult(outcome);
}

function facts(arm: ArmResult): Markup[] {
  const seconds = median(
    arm.tasks.flatMap((task) => task.attempts.filter(isResult).map((sample) => sample.seconds)),
  );
  const { input, output, calls, unmetered } = arm.tokens;
  const pairs: [string, string, string][] = [
    [
      'solved',
      percent(arm.success.rate),
      `share of rollouts with a final score of ${arm.success.threshold}`,
    ],
    ['flat', percent(arm.mean.flat), "mean of the verifier's named values"],
    ['native', percent(arm.mean.native), "the verifier author's own reward"],
    ['coverage', percent(arm.coverage), 'share of planned rollouts with a result of the agent'],
    [
      'median time',
      seconds === null ? '–' : duration(seconds),
      'wall time of the agent, per rollout with a result of its own',
    ],
  ];
  if (!arm.complete) {
    const range = `${percent(arm.bounds.low)} – ${percent(arm.bounds.high)}`;
    pairs.push(['bounds', range, 'score if all missing rollouts had got 0, or 100 %']);
  }
  if (calls > 0) {
    const hint = `${count(calls)} model calls, ${count(unmetered)} of them without a token count`;
    const told = unmetered < calls;
    pairs.push(['tokens in / out', told ? `${count(input)} / ${count(output)}` : '–', hint]);
  }
  return pairs.map(
    ([name, value, hint]) => html`<div title="${hint}"><dt>${name}</dt><dd>${value}</dd></div>`,
  );
}

const x = (value: number): string => `${(value * 100).toFixed(2)}%`;

function scoreBar(arm: ArmResult, floors: readonly ArmResult[]): Markup {
  const score = arm.mean.final ?? 0;
  const label = `${arm.name}: ${percent(arm.mean.final)}`;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (tick) => html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="2" y2="32"/>`,
  );
  const others = floors.filter((floor) => floor.name !== arm.name);
  const refs = others.map(
    (floor) =>
      html`<line class="ref" x1="${x(floor.mean.final ?? 0)}" x2="${x(floor.mean.final ?? 0)}" y1="0" y2="34"><title>floor ${floor.name}: ${percent(floor.mean.final)}</title></line>`,
  );
  return html`<svg class="bar" height="34" role="img" aria-label="${label}"><title>${label}</title>
    ${ticks}<rect class="fill" x="0" y="8" height="18" rx="3" width="${x(score)}"/>${refs}${whisker(arm)}</svg>
    <div class="axis" aria-hidden="true"><span>0</span><span>25</span><span>50</span><span>75</span><span>100 %</span></div>`;
}

function whisker(arm: ArmResult): Markup | false {
  if (arm.interval === null) return false;
  const { low, high } = arm.interval;
  return html`<g class="whisker"><line x1="${x(low)}" x2="${x(high)}" y1="17" y2="17"/><line x1="${x(low)}" x2="${x(low)}" y1="11" y2="23"/><line x1="${x(high)}" x2="${x(high)}" y1="11" y2="23"/></g>`;
}

function outcomeStack(arm: ArmResult): Markup {
  const present = RESULT_OUTCOMES.flatMap((outcome) => {
    const number = arm.outcomes[outcome] ?? 0;
    return number === 0 ? [] : [{ ...OUTCOME_WORDS[outcome], number }];
  });
  const total = present.reduce((sum, { number }) => sum + number, 0);
  const segments = present.map(
    ({ tone, label, number }) =>
      html`<span class="seg ${tone}" style="flex-grow:${number}" title="${label}: ${number}"></span>`,
  );
  const legend = present.map(
    ({ tone, label, number }) =>
      html`<li><i class="dot ${tone}"></i>${label} <b>${number}</b></li>`,
  );
  return html`<div class="stack" role="img" aria-label="outcomes of ${total} rollouts">${segments}</div><ul class="legend">${legend}</ul>`;
}
