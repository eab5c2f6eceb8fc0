import type { SynthesisState } from '../../../src/protocol/synthesis-server.ts';
import { type ConditionState, findCondition } from '../../kube/objects/conditions.ts';
import { stampSeconds } from '../../kube/objects/time-stamps.ts';
import { conditionList } from '../shared/condition-list.ts';
import type { SynthesisJob } from '../shared/kinds.ts';
import { runStart } from '../shared/run-start.ts';
import { DEADLINE_EXCEEDED } from './plan.ts';
import { type SynthesisReason, synthesisCondition } from './vocabulary.ts';

type Status = NonNullable<SynthesisJob['status']>;

/** Why it does not go on, and in whose hands that is. */
export interface Hindrance {
  readonly reason: SynthesisReason<'Progressing'>;
  readonly message: string;
  /** Nobody has to do anything. */
  readonly waits?: boolean;
}

export interface StatusView {
  readonly job: SynthesisJob;
  /** Undefined before it is planned, or where the server is away. */
  readonly state: SynthesisState | undefined;
  /** Why it is not planned. */
  readonly problem?:
    | { readonly reason: SynthesisReason<'Planned'>; readonly message: string }
    | undefined;
  readonly hindrance?: Hindrance | undefined;
  /** Nothing of it runs any more. */
  readonly still: boolean;
}

const MAX_REJECTIONS = 64;
/** Nothing can be asked of the server. */
const AWAY: ReadonlySet<string> = new Set(['ServerUnavailable', 'ServerIncompatible']);

/** Pure: the whole status. */
export function synthesisStatus(view: StatusView, nowMs: number): Status {
  const { job, state } = view;
  const { generation } = job.metadata;
  const { conditions: before, observedGeneration: _of, ...kept } = job.status ?? {};
  const conditions = conditionList(before, states(view), generation, nowMs);
  if (state === undefined) return defined({ ...kept, observedGeneration: generation, conditions });
  const { target, accepted, records, inputTokens, outputTokens, result } = state;
  const start = runStart(job, state.startedAt, nowMs);
  return defined({
    observedGeneration: generation,
    ...{ target, accepted, records, progress: `${accepted}/${target}` },
    stages: [...state.stages],
    rejections: state.rejections.slice(0, MAX_REJECTIONS),
    ...{ inputTokens, outputTokens },
    taskSet: result?.taskSet,
    startTime: start === undefined ? undefined : stampSeconds(start),
    completionTime: result === undefined ? undefined : stampSeconds(result.at),
    conditions,
  });
}

/** A job that has come to its end keeps what it says; only its generation may be newer. */
export function endedStatus({ metadata: { generation }, status = {} }: SynthesisJob): Status {
  if (generation === undefined) return status;
  const conditions = (status.conditions ?? []).map((condition) => ({
    ...condition,
    observedGeneration: generation,
  }));
  return { ...status, observedGeneration: generation, conditions };
}

type End =
  | {
      readonly kind: 'complete';
      readonly reason: SynthesisReason<'Complete'>;
      readonly message: string;
    }
  | {
      readonly kind: 'failed';
      readonly reason: SynthesisReason<'Failed'>;
      readonly message: string;
    };

/** How the job ends, whether pods of it still run or not. */
function endOf({ job, state }: StatusView): End | undefined {
  if (state?.result !== undefined) {
    const { ended, taskSet } = state.result;
    const counts = `${state.accepted} of ${state.target} tasks are accepted from ${state.records} records`;
    if (taskSet !== undefined)
      return { kind: 'complete', reason: ended, message: `${counts}: task set ${taskSet}` };
    const [first] = state.rejections;
    const why = first === undefined ? '' : `; most were rejected for ${first.reason}`;
    return { kind: 'failed', reason: 'NothingAccepted', message: `${counts}${why}` };
  }
  if (state?.cancelled === undefined) return undefined;
  if (state.cancelled !== DEADLINE_EXCEEDED)
    return {
      kind: 'failed',
      reason: 'Cancelled',
      message: `the job was ended: ${state.cancelled}`,
    };
  const seconds = job.spec.activeDeadlineSeconds;
  const message = `spec.activeDeadlineSeconds: ${seconds} s passed with ${state.accepted} of ${state.target} tasks accepted; create another SynthesisJob with more time`;
  return { kind: 'failed', reason: 'DeadlineExceeded', message };
}

function states(view: StatusView): readonly ConditionState[] {
  const end = endOf(view);
  const over = end !== undefined && view.still;
  const progress = progressing(view, end);
  const { suspend } = view.job.spec;
  // What holds a suspended job up holds nothing up until it goes on.
  const held = end === undefined && !suspend && view.hindrance !== undefined;
  const blocked = view.problem !== undefined && view.problem.reason !== 'ServerUnavailable';
  const stalled = (held && !view.hindrance.waits) || blocked;
  // Pods that still end are work, in a job that stands still as in one that has ended.
  const resting = over || (suspend && view.still);
  const working = !resting && !stalled;
  return [
    planned(view),
    progress,
    suspended(view, end),
    ...ends(end, view.still),
    synthesisCondition(
      'Reconciling',
      working ? 'True' : 'False',
      working ? 'InProgress' : 'Idle',
      progress.message,
    ),
    stalledState(end, over, stalled, progress.message),
  ];
}

function stalledState(
  end: End | undefined,
  over: boolean,
  stalled: boolean,
  message: string,
): ConditionState {
  if (over && end?.kind === 'failed')
    return synthesisCondition('Stalled', 'True', 'RunFailed', end.message);
  return stalled
    ? synthesisCondition('Stalled', 'True', 'NeedsAction', message)
    : synthesisCondition('Stalled', 'False', 'NotStalled');
}

function planned({ state, problem, job }: StatusView): ConditionState {
  if (state !== undefined) return synthesisCondition('Planned', 'True', 'JobFrozen');
  const known = findCondition(job.status?.conditions, 'Planned');
  const away = problem !== undefined && AWAY.has(problem.reason);
  // What stands is not unsaid because the server is away.
  if (away && known?.status === 'True') return known;
  if (problem === undefined) return synthesisCondition('Planned', 'Unknown', 'Waiting');
  const status = away ? 'Unknown' : 'False';
  return synthesisCondition('Planned', status, problem.reason, problem.message);
}

function progressing(view: StatusView, end: End | undefined): ConditionState {
  const { job, state, problem, hindrance, still } = view;
  if (end !== undefined) {
    if (!still) {
      const reason = end.kind === 'complete' ? 'Finishing' : 'Stopping';
      return synthesisCondition('Progressing', 'True', reason, end.message);
    }
    const reason = end.kind === 'complete' ? 'Complete' : 'Failed';
    return synthesisCondition('Progressing', 'False', reason, end.message);
  }
  if (problem !== undefined) {
    if (problem.reason === 'ServerUnavailable')
      return synthesisCondition('Progressing', 'Unknown', 'ServerUnavailable', problem.message);
    if (problem.reason === 'ServerIncompatible')
      return synthesisCondition('Progressing', 'False', 'ServerIncompatible', problem.message);
    return synthesisCondition('Progressing', 'False', 'Blocked', problem.message);
  }
  if (job.spec.suspend) return synthesisCondition('Progressing', 'False', 'Suspended');
  if (hindrance !== undefined) {
    const status = hindrance.reason === 'AskingModel' ? 'True' : 'False';
    return synthesisCondition('Progressing', status, hindrance.reason, hindrance.message);
  }
  if (state === undefined) return synthesisCondition('Progressing', 'True', 'Planning');
  if (state.records === 0) return synthesisCondition('Progressing', 'True', 'Starting');
  const { accepted, target, open, records } = state;
  const message = `${accepted} of ${target} tasks are accepted; ${open} of ${records} records are at work`;
  return synthesisCondition('Progressing', 'True', 'Running', message + places(state));
}

/** Where the records are: many go through the stages beside each other, long before the first is accepted. */
function places({ stages }: SynthesisState): string {
  const at = stages
    .map(({ stage, entered, passed, rejected }) => ({ stage, count: entered - passed - rejected }))
    .filter(({ count }) => count > 0);
  return at.length === 0 ? '' : `: ${at.map(({ stage, count }) => `${count} ${stage}`).join(', ')}`;
}

function suspended({ job, still }: StatusView, end: End | undefined): ConditionState {
  if (end !== undefined) return synthesisCondition('Suspended', 'False', 'Finished');
  if (!job.spec.suspend) return synthesisCondition('Suspended', 'False', 'NotSuspended');
  return synthesisCondition('Suspended', 'True', still ? 'SuspendRequested' : 'Suspending');
}

/** Only what holds is there, as with Jobs: an absent condition has not come true. */
function ends(end: End | undefined, still: boolean): readonly ConditionState[] {
  if (end === undefined) return [];
  const { reason, message } = end;
  if (end.kind === 'complete')
    return still ? [synthesisCondition('Complete', 'True', end.reason, message)] : [];
  const target: ConditionState = { type: 'FailureTarget', status: 'True', reason, message };
  return still ? [target, synthesisCondition('Failed', 'True', end.reason, message)] : [target];
}

/** A field that is not known is absent, never null. */
function defined(status: { readonly [F in keyof Status]?: Status[F] | undefined }): Status {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}
