import type { BenchResultsAnswer } from '../../../src/protocol/operator-api.ts';
import type { ConditionState } from '../../kube/objects/conditions.ts';
import { conditionList } from './condition-list.ts';
import type { BenchRun } from './kinds.ts';
import { passedOn, planned, progressing, suspension } from './observations.ts';
import { type ArmState, type BenchPlan, isOver, type Problem, startOf } from './plan.ts';
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
  const completionTime = end === undefined ? undefined : lastDecision(plan.arms);
  return defined({
    observedGeneration: generation,
    taskSet: plan.taskSet,
    startTime: startOf(plan.arms),
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
  const { plan } = view;
  const progress = progressing(view, end);
  const stalled = stalledBy(view, end);
  const success = plan.failure === undefined && plan.allOver && everyArmComplete(plan.arms);
  const working = end === undefined && stalled === undefined && !suspension(view).suspended;
  return [
    planned(view),
    progress,
    suspension(view).state,
    ...passedOn(plan.arms),
    state('SuccessCriteriaMet', success, 'AllDecided', 'every arm is complete'),
    state(
      'Complete',
      end === 'complete',
      'AllDecided',
      'every arm is complete and the results are stored',
    ),
    state('FailureTarget', plan.failure !== undefined, plan.failure?.reason, plan.failure?.message),
    state('Failed', end === 'failed', plan.failure?.reason, plan.failure?.message),
    {
      type: 'Reconciling',
      status: working ? 'True' : 'False',
      reason: working ? 'InProgress' : 'Idle',
      message: progress.message,
    },
    state('Stalled', stalled !== undefined, stalled?.reason, stalled?.message),
  ];
}

/** An answer that is no, or not yet, has nothing more to say. */
function state(type: string, holds: boolean, reason = 'Unknown', message = ''): ConditionState {
  return holds
    ? { type, status: 'True', reason, message }
    : { type, status: 'False', reason: `Not${type}`, message: '' };
}

function stalledBy({ plan }: BenchView, end: ReturnType<typeof endOf>): Problem | undefined {
  if (end === 'failed') return { reason: 'RunFailed', message: plan.failure?.message ?? '' };
  if (end === 'complete') return undefined;
  if (plan.problem !== undefined) return plan.problem;
  for (const { arm, batch } of plan.arms) {
    const stalled = batch?.status?.conditions?.find(({ type }) => type === 'Stalled');
    if (batch === undefined || isOver(batch) || stalled?.status !== 'True') continue;
    return { reason: stalled.reason, message: `arm ${arm.name}: ${stalled.message}` };
  }
  return undefined;
}

const everyArmComplete = (arms: readonly ArmState[]): boolean =>
  arms.every(({ batch }) =>
    batch?.status?.conditions?.some(({ type, status }) => type === 'Complete' && status === 'True'),
  );

/** When the last rollout of any arm was decided. */
function lastDecision(arms: readonly ArmState[]): string | undefined {
  return arms
    .flatMap(({ batch }) => batch?.status?.completionTime ?? [])
    .toSorted((one, other) => Date.parse(other) - Date.parse(one))
    .at(0);
}

function reportCommand({ metadata: { name, namespace } }: BenchRun): string {
  const place = namespace === undefined ? '' : ` --namespace ${namespace}`;
  return `clawgym report ${name}${place} --out ${name}-report`;
}

/** A field that is not known is absent, never null. */
function defined(status: { readonly [F in keyof Status]?: Status[F] | undefined }): Status {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}
