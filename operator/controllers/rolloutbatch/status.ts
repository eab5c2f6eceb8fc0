import { MAX_INDEX_SET, OUTCOME_NAMES } from '../../../src/api/run-status.ts';
import type { BatchState } from '../../../src/protocol/operator-api.ts';
import {
  type Condition,
  type ConditionState,
  findCondition,
  setCondition,
} from '../../kube/objects/conditions.ts';
import { stampSeconds } from '../../kube/objects/time-stamps.ts';
import type { BatchStatus } from '../shared/kinds.ts';
import { isOver } from '../shared/life.ts';
import { placeOf } from '../shared/place.ts';
import { runStart } from '../shared/run-start.ts';
import { runCondition } from '../shared/vocabulary.ts';
import { progressing } from './progressing.ts';
import type { Hindrance, StatusInput } from './status-input.ts';

/**
 * Pure: the whole status of a batch, from what is observed. What cannot be observed now (the server is
 * away) stays as it was; nothing else is remembered in it.
 */
export function batchStatus(input: StatusInput): BatchStatus {
  const { batch, state } = input;
  const counts = state === undefined ? formerCounts(batch.status) : countsOf(state);
  const start = runStart(batch, state?.startedAt, input.now);
  const generation = batch.metadata.generation;
  const conditions = conditionsOf(input).reduce<readonly Condition[]>(
    (list, condition) =>
      setCondition(list, { ...condition, observedGeneration: generation }, input.now),
    batch.status?.conditions ?? [],
  );
  return {
    ...counts,
    ...(start === undefined ? {} : { startTime: stampSeconds(start) }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: [...conditions],
  };
}

function formerCounts(status: BatchStatus | undefined): BatchStatus {
  const { conditions: _conditions, observedGeneration: _generation, ...counts } = status ?? {};
  return counts;
}

function countsOf(state: BatchState): BatchStatus {
  const { planned, pending, active, verifying, decided, outcomes } = state;
  const { decidedAt, missingRate, results, exports } = state;
  return {
    taskSet: state.taskSet,
    ...(decidedAt === undefined ? {} : { completionTime: stampSeconds(decidedAt) }),
    progress: `${decided}/${planned}`,
    rollouts: { planned, pending, active, verifying, decided },
    outcomes: outcomeList(outcomes),
    ...(missingRate === undefined ? {} : { missingRate }),
    ...indexSets(state),
    attempts: state.attempts,
    infraFailures: state.infraFailures,
    disruptions: state.disruptions,
    ...(results === undefined ? {} : { results: { digest: results } }),
    ...(exports === undefined ? {} : { exports }),
  };
}

/**
 * Many small gaps in a large plan are longer than the API takes, which would refuse the whole status.
 * Nothing is cut: a part would say that the rest is undecided.
 */
function indexSets({ decidedIndexes, failedIndexes }: BatchState): BatchStatus {
  return {
    ...(decidedIndexes.length > MAX_INDEX_SET ? {} : { decidedIndexes }),
    ...(failedIndexes.length > MAX_INDEX_SET ? {} : { failedIndexes }),
  };
}

function outcomeList(outcomes: BatchState['outcomes']): NonNullable<BatchStatus['outcomes']> {
  return OUTCOME_NAMES.flatMap((outcome) => {
    const count = outcomes[outcome] ?? 0;
    return count === 0 ? [] : [{ outcome, count }];
  });
}

function conditionsOf(input: StatusInput): readonly ConditionState[] {
  const over = isEnded(input);
  const busy = progressing(input, over);
  return [
    planned(input),
    busy,
    suspended(input, over),
    networkIsolated(input),
    ...modelServed(input, over),
    sourceChanged(input),
    ...ends(input, over),
    ...kstatus(input, busy, over),
  ];
}

/** The results are stored and no Job of ours is at work. */
function isEnded({ batch, state }: StatusInput): boolean {
  if (isOver(batch)) return true;
  return state?.results !== undefined && state.jobs.every(({ live }) => !live);
}

function planned({ hindrance, state, batch }: StatusInput): ConditionState {
  if (hindrance?.kind === 'planning')
    return runCondition('Planned', 'False', hindrance.reason, hindrance.message);
  if (state !== undefined) {
    const message = `${state.planned} rollouts of task set ${state.taskSet.slice(0, 12)}${leftOut(state)}`;
    return runCondition('Planned', 'True', 'TaskSetFrozen', message);
  }
  const former = findCondition(batch.status?.conditions, 'Planned');
  if (former !== undefined && batch.status?.taskSet !== undefined) return former;
  if (hindrance === undefined) return runCondition('Planned', 'Unknown', 'Waiting');
  if (hindrance.kind === 'waiting') {
    const { held, message, reason: awaits } = hindrance;
    return runCondition('Planned', held ? 'False' : 'Unknown', awaits, message);
  }
  return runCondition('Planned', 'Unknown', UNPLANNED[hindrance.kind], hindrance.message);
}

const UNPLANNED = {
  reading: 'ReadingSource',
  server: 'ServerUnavailable',
  protocol: 'ServerIncompatible',
} as const;

/** What a person has to know of reasons that other places only count. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  NeedsImage: 'tasks with an image of their own',
  NeedsJudge: 'tasks that only a judge grades',
  NeedsNetwork: 'tasks that need the live web',
};

function leftOut({ notGradable, notGradableReasons = {} }: BatchState): string {
  if (notGradable === 0) return '';
  const reasons = Object.entries(notGradableReasons).map(([reason, count]) => {
    const words = LEFT_OUT[reason];
    return `${count} ${reason}${words === undefined ? '' : ` (${words})`}`;
  });
  const why = reasons.length === 0 ? '' : `: ${reasons.toSorted().join(', ')}`;
  return `; ${notGradable} of them cannot be graded here${why}`;
}

function suspended({ mode, jobs, state }: StatusInput, over: boolean): ConditionState {
  if (over) return runCondition('Suspended', 'False', 'Finished');
  if (mode === 'pause') {
    const live = state?.jobs.some((job) => job.live) ?? jobs.length > 0;
    return runCondition('Suspended', 'True', live ? 'Suspending' : 'SuspendRequested');
  }
  const held = jobs.find((job) => job.suspended !== undefined && !job.finished);
  if (held === undefined) return runCondition('Suspended', 'False', 'NotSuspended');
  const words = held.suspended === '' ? '' : `: ${held.suspended}`;
  const message = `Job ${held.name} is suspended by somebody else, for example a queue${words}`;
  return runCondition('Suspended', 'True', 'JobSuspended', message);
}

function networkIsolated({ batch, network, prepared }: StatusInput): ConditionState {
  if (network !== undefined) return network;
  const former = findCondition(batch.status?.conditions, 'NetworkIsolated');
  if (former !== undefined && former.reason !== 'NotProbed') return former;
  return runCondition('NetworkIsolated', 'Unknown', prepared ? 'PoliciesApplied' : 'NotProbed');
}

/** Absent where the agents ask another model, or none. */
function modelServed({ batch, model }: StatusInput, over: boolean): readonly ConditionState[] {
  const former = findCondition(batch.status?.conditions, 'ModelServed');
  if (over && former !== undefined) return [runCondition('ModelServed', 'False', 'NotNeeded')];
  return model === undefined ? [] : [model];
}

function sourceChanged({ batch, sourceGone, state }: StatusInput): ConditionState {
  const gone = sourceGone ?? state?.sourceGone;
  if (gone !== undefined) return runCondition('SourceChanged', 'True', 'SourceGone', gone);
  if (state === undefined && batch.status?.taskSet === undefined)
    return runCondition('SourceChanged', 'Unknown', 'NotFrozen');
  if (state?.sourceNow === undefined) return runCondition('SourceChanged', 'False', 'Unchanged');
  const now = state.sourceNow.slice(0, 12);
  const gives =
    batch.spec.tasks.url === undefined
      ? `the source gives task set ${now} now`
      : `spec.tasks.url: the address gives other bytes now, SHA-256 ${now}`;
  const message = `${gives}; this run keeps to task set ${state.taskSet.slice(0, 12)}. For the new tasks create another run`;
  return runCondition('SourceChanged', 'True', 'SourceDrifted', message);
}

/** Only what holds is there, as with Jobs: an absent condition has not come true. */
function ends(input: StatusInput, over: boolean): readonly ConditionState[] {
  const { batch, mode, state } = input;
  const failing = mode === 'stop' || findCondition(batch.status?.conditions, 'FailureTarget');
  if (failing) {
    const seconds = batch.spec.activeDeadlineSeconds;
    const former = findCondition(batch.status?.conditions, 'FailureTarget')?.message;
    const late = `the run took longer than spec.activeDeadlineSeconds (${seconds} s); for the rest create another run with more time`;
    const message = former ?? late;
    const target = runCondition('FailureTarget', 'True', 'DeadlineExceeded', message);
    const failed = runCondition('Failed', 'True', 'DeadlineExceeded', message);
    return over ? [target, failed] : [target];
  }
  if (state === undefined || state.decided < state.planned) return [];
  const met = runCondition('SuccessCriteriaMet', 'True', 'AllDecided');
  return over
    ? [met, runCondition('Complete', 'True', 'AllDecided', summary(batch, state))]
    : [met];
}

/** What came of it, and where to read why some of it is missing. */
function summary(batch: StatusInput['batch'], state: BatchState): string {
  const outcomes = outcomeList(state.outcomes).map(({ outcome, count }) => `${count} ${outcome}`);
  const what = `${state.decided} rollouts decided (${outcomes.join(', ')}), results stored`;
  if (state.failedIndexes === '') return what;
  return `${what}; some have no result, and why: clawgym get rollouts ${placeOf(batch)}`;
}

/** Somebody has to do something, once what runs has come to its end. */
const NOTHING_STARTS: ReadonlySet<string> = new Set([
  ...['AgentChanged', 'UpstreamUnfit', 'UpstreamRefused'],
]);

/** Nothing goes on before somebody does something. */
function needsAction(hindrance: Hindrance): boolean {
  if (hindrance.kind === 'waiting') return hindrance.held;
  return hindrance.kind === 'planning' || hindrance.kind === 'protocol';
}

/** What generic tools read (kstatus): abnormal is True. */
function kstatus(
  { batch, hindrance, mode, state }: StatusInput,
  busy: ConditionState,
  over: boolean,
): readonly ConditionState[] {
  const idle = runCondition('Reconciling', 'False', 'Idle');
  const fine = runCondition('Stalled', 'False', 'NotStalled');
  if (over) {
    const failed = mode === 'stop' || findCondition(batch.status?.conditions, 'FailureTarget');
    return [idle, failed ? runCondition('Stalled', 'True', 'RunFailed', busy.message) : fine];
  }
  if (hindrance !== undefined && needsAction(hindrance))
    return [idle, runCondition('Stalled', 'True', 'NeedsAction', hindrance.message)];
  if (busy.reason === 'ModelNotServed' && busy.status === 'False' && state?.active === 0)
    return [idle, runCondition('Stalled', 'True', 'NeedsAction', busy.message)];
  if (NOTHING_STARTS.has(busy.reason) && state?.active === 0 && state.verifying === 0)
    return [idle, runCondition('Stalled', 'True', 'NeedsAction', busy.message)];
  if (mode === 'pause' && state?.jobs.some((job) => job.live) !== true) return [idle, fine];
  return [runCondition('Reconciling', 'True', 'InProgress', busy.message), fine];
}
