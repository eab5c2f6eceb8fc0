import type { BenchResultsAnswer } from '../../../src/protocol/operator-api.ts';
import { type ConditionState, findCondition } from '../../kube/objects/conditions.ts';
import { stampSeconds } from '../../kube/objects/time-stamps.ts';
import { conditionList } from '../shared/condition-list.ts';
import { isOver } from '../shared/life.ts';
import { placeOf } from '../shared/place.ts';
import { runCondition } from '../shared/vocabulary.ts';
import type { BenchRun } from './kinds.ts';
import { passedOn, planned, progressing, suspension } from './observations.ts';
import { type ArmState, type BenchPlan, benchStart, type Problem } from './plan.ts';
import { armStatus, lowestCoverage, progressOf, scoreLine } from './summary.ts';

/** All that a status is made of. */
export interface BenchView {
  readonly bench: BenchRun;
  readonly plan: BenchPlan;
  /** What the server says of the arms, where it was asked and answered. */
  readonly answer: BenchResultsAnswer | undefined;
  /** Why it did not answer. */
  readonly trouble: Problem | undefined;
}

/** Answers that time alone does not change. */
const REFUSED: ReadonlySet<string> = new Set([
  ...['BatchRefused', 'ResultsRefused', 'ServerIncompatible'],
]);

type Status = NonNullable<BenchRun['status']>;

/** How a bench has ended, or undefined. Its results are stored by then. */
export function endOf({ plan, answer }: BenchView): 'complete' | 'failed' | undefined {
  if (!plan.allOver || answer === undefined) return undefined;
  if (plan.failure !== undefined) return 'failed';
  return answer.results === undefined ? undefined : 'complete';
}

/** Pure: the whole status. */
export function benchStatus(view: BenchView, nowMs: number): Status {
  const { bench, plan, answer } = view;
  const { generation } = bench.metadata;
  const end = endOf(view);
  const arms = armStatus(plan.arms, answer, bench.status?.arms);
  const start = benchStart(bench, plan.arms, nowMs);
  const completionTime = end === undefined ? undefined : lastDecision(plan.arms);
  return defined({
    observedGeneration: generation,
    taskSet: plan.taskSet,
    startTime: start === undefined ? undefined : stampSeconds(start),
    completionTime,
    progress: progressOf(arms),
    arms: [...arms],
    scores: scoreLine(arms),
    coverage: lowestCoverage(arms),
    ...(answer?.results === undefined || end === undefined
      ? {}
      : { results: { digest: answer.results }, report: reportCommand(bench) }),
    conditions: conditionList(bench.status?.conditions, states(view, end), generation, nowMs),
  });
}

/** A bench that has come to its end keeps what it says; only its generation may be newer. */
export function endedStatus(bench: BenchRun, status: Status): Status {
  const { generation } = bench.metadata;
  if (generation === undefined) return status;
  return {
    ...status,
    observedGeneration: generation,
    conditions: (status.conditions ?? []).map((condition) => ({
      ...condition,
      observedGeneration: generation,
    })),
  };
}

function states(view: BenchView, end: ReturnType<typeof endOf>): readonly ConditionState[] {
  const progress = progressing(view, end);
  const stalled = stalledBy(view, end);
  const rest = end === undefined ? suspension(view) : OVER;
  const working = end === undefined && stalled === undefined && !rest.suspended;
  return [
    planned(view),
    progress,
    rest.state,
    ...passedOn(view.plan.arms),
    ...ends(view, end),
    runCondition(
      'Reconciling',
      working ? 'True' : 'False',
      working ? 'InProgress' : 'Idle',
      progress.message,
    ),
    stalled ?? runCondition('Stalled', 'False', 'NotStalled'),
  ];
}

const OVER = { suspended: false, state: runCondition('Suspended', 'False', 'Finished') };

/** Only what holds is there, as with Jobs: an absent condition has not come true. */
function ends(
  { bench, plan }: BenchView,
  end: ReturnType<typeof endOf>,
): readonly ConditionState[] {
  if (plan.failure !== undefined) {
    const target: ConditionState = { type: 'FailureTarget', status: 'True', ...plan.failure };
    return end === undefined ? [target] : [target, { ...target, type: 'Failed' }];
  }
  if (!plan.allOver) return [];
  const message = 'every arm is complete';
  const met = runCondition('SuccessCriteriaMet', 'True', 'AllDecided', message);
  const stored = `${message} and the results are stored; for the report: ${reportCommand(bench)}`;
  return end === undefined ? [met] : [met, runCondition('Complete', 'True', 'AllDecided', stored)];
}

function stalledBy(
  { plan, trouble }: BenchView,
  end: ReturnType<typeof endOf>,
): ConditionState | undefined {
  if (end === 'failed') return runCondition('Stalled', 'True', 'RunFailed', plan.failure?.message);
  if (end === 'complete') return undefined;
  if (plan.problem !== undefined)
    return runCondition('Stalled', 'True', 'NeedsAction', plan.problem.message);
  if (trouble !== undefined && REFUSED.has(trouble.reason))
    return runCondition('Stalled', 'True', 'NeedsAction', trouble.message);
  for (const { arm, batch } of plan.arms) {
    const stalled = findCondition(batch?.status?.conditions, 'Stalled');
    if (batch === undefined || isOver(batch) || stalled?.status !== 'True') continue;
    const message = `arm ${arm.name}: ${stalled.message}`;
    return runCondition('Stalled', 'True', 'NeedsAction', message);
  }
  return undefined;
}

/** When the last rollout of any arm was decided. */
function lastDecision(arms: readonly ArmState[]): string | undefined {
  return arms
    .flatMap(({ batch }) => batch?.status?.completionTime ?? [])
    .toSorted((one, other) => Date.parse(other) - Date.parse(one))
    .at(0);
}

function reportCommand(bench: BenchRun): string {
  return `clawgym report ${placeOf(bench)} --out ${bench.metadata.name}-report`;
}

/** A field that is not known is absent, never null. */
function defined(status: { readonly [F in keyof Status]?: Status[F] | undefined }): Status {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}
