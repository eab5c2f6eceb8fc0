import { cutRowsWarning } from '../../../src/api/cut-rows.ts';
import type { TrainingState } from '../../../src/protocol/training-api.ts';
import type { ConditionState } from '../../kube/objects/conditions.ts';
import { stampSeconds } from '../../kube/objects/time-stamps.ts';
import { conditionList } from '../shared/condition-list.ts';
import type { TrainingStatus } from '../shared/kinds.ts';
import { runStart } from '../shared/run-start.ts';
import { runCondition } from '../shared/vocabulary.ts';
import { progressing } from './progressing.ts';
import { rlEvaluations, rlNumbers } from './rl/status.ts';
import type { TrainingView } from './view.ts';
import { trainingCondition } from './vocabulary.ts';

/** Everything is decided and nothing of the run lives. */
export function isDone({ state, jobs, pods }: TrainingView): boolean {
  if (state?.end === undefined) return false;
  return jobs.every((job) => job.finished || job.deleting) && pods.every((pod) => pod.over);
}

/** Something of it still runs; where it is to stand still, the last checkpoint may be on its way. */
function isStopping({ jobs, pods }: TrainingView): boolean {
  return jobs.some((job) => !job.finished) || pods.some((pod) => !pod.over);
}

/** Pure: the whole status. */
export function trainingStatus(view: TrainingView, nowMs: number): TrainingStatus {
  const { run, state } = view;
  const { generation } = run.metadata;
  const { conditions: before, observedGeneration: _of, ...kept } = run.status ?? {};
  const conditions = conditionList(before, states(view), generation, nowMs);
  if (state === undefined) return { ...kept, observedGeneration: generation, conditions };
  const start = runStart(run, state.startedAt, nowMs);
  const completionTime = isDone(view) ? (kept.completionTime ?? stampSeconds(nowMs)) : undefined;
  return defined({
    observedGeneration: generation,
    inputs: { ...inputsOf(state), ...(view.rl?.state && { taskSet: view.rl.state.taskSet }) },
    startTime: start === undefined ? undefined : stampSeconds(start),
    completionTime,
    ...numbersOf(state),
    ...(view.rl?.state && rlNumbers(view.rl.state)),
    evaluations: rlEvaluations(view.rl?.state, kept.evaluations),
    conditions,
  });
}

function inputsOf({ inputs }: TrainingState): NonNullable<TrainingStatus['inputs']> {
  const { base, data, template, image } = inputs;
  return { base, ...(data === undefined ? {} : { data }), template, image };
}

function numbersOf(state: TrainingState): Partial<TrainingStatus> {
  const { progress, progressAt, rows, checkpoint, policyVersion, restarts, end } = state;
  const { step, totalSteps, loss, reward, tokens } = progress;
  return {
    progress: totalSteps === undefined ? undefined : `${step ?? 0}/${totalSteps}`,
    ...{ step, totalSteps, tokens, rows, policyVersion },
    loss: measure(loss),
    reward: measure(reward),
    metricsTime: progressAt === undefined ? undefined : stampSeconds(progressAt),
    checkpoint: checkpoint && { step: checkpoint.step },
    restarts: restarts.failures + restarts.disruptions === 0 ? undefined : { ...restarts },
    model: end?.state === 'complete' ? { digest: end.model } : undefined,
  };
}

/** Four digits tell as much as a trainer's loss does; more would move at every look. */
const measure = (value: number | undefined): string | undefined =>
  value === undefined || !Number.isFinite(value) ? undefined : String(Number(value.toPrecision(5)));

function defined(
  status: {
    readonly [F in keyof TrainingStatus]?: TrainingStatus[F] | undefined;
  },
): TrainingStatus {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}

function states(view: TrainingView): readonly ConditionState[] {
  const progress = progressing(view, isDone(view));
  const stalled = stalledBy(view, progress);
  const ending = view.state?.end !== undefined;
  const waits = stalled !== undefined || (view.mode === 'pause' && !isStopping(view));
  const working = !isDone(view) && (ending || !waits);
  return [
    planned(view),
    progress,
    suspended(view),
    ...modelServed(view),
    ...ends(view),
    trainingCondition(
      'Reconciling',
      working ? 'True' : 'False',
      working ? 'InProgress' : 'Idle',
      progress.message,
    ),
    stalled ?? trainingCondition('Stalled', 'False', 'NotStalled'),
  ];
}

function planned(view: TrainingView): ConditionState {
  const { state, problem, serverAway, serverReason = 'ServerUnavailable', run, rl } = view;
  const taskSet = rl?.state?.taskSet;
  if (state !== undefined && (run.spec.rl === undefined || taskSet !== undefined)) {
    const { base, data } = state.inputs;
    const words = [
      data === undefined ? '' : `, data ${data.slice(0, 12)}`,
      taskSet === undefined ? '' : `, tasks ${taskSet.slice(0, 12)}`,
    ].join('');
    const message = `base ${base.slice(0, 12)}${words}`;
    return trainingCondition('Planned', 'True', 'InputsFrozen', message);
  }
  if (problem !== undefined) {
    const status = problem.waits ? 'Unknown' : 'False';
    return trainingCondition('Planned', status, problem.reason, problem.message);
  }
  const known = run.status?.conditions?.find(({ type }) => type === 'Planned');
  if (serverAway !== undefined && known?.status === 'True') return known;
  return serverAway === undefined
    ? trainingCondition('Planned', 'Unknown', 'Waiting')
    : trainingCondition('Planned', 'Unknown', serverReason, serverAway);
}

function suspended(view: TrainingView): ConditionState {
  const { mode, jobs } = view;
  if (isDone(view)) return trainingCondition('Suspended', 'False', 'Finished');
  if (mode === 'pause') {
    const reason = isStopping(view) ? 'Suspending' : 'SuspendRequested';
    return trainingCondition('Suspended', 'True', reason);
  }
  const queued = jobs.find((job) => job.suspended !== undefined && !job.deleting);
  if (queued === undefined) return trainingCondition('Suspended', 'False', 'NotSuspended');
  return trainingCondition('Suspended', 'True', 'JobSuspended', queued.suspended || undefined);
}

/** Whether the policy is served that a reinforcement run samples with. */
function modelServed(view: TrainingView): readonly ConditionState[] {
  const { run, rl } = view;
  const known = run.status?.conditions?.some(({ type }) => type === 'ModelServed');
  if (isDone(view))
    return known === true ? [runCondition('ModelServed', 'False', 'NotNeeded')] : [];
  if (rl?.policy !== undefined) return [rl.policy];
  return rl?.state === undefined || known !== true
    ? []
    : [runCondition('ModelServed', 'False', 'NotNeeded')];
}

/** Complete or Failed, and what comes before it. */
function ends(view: TrainingView): readonly ConditionState[] {
  const end = view.state?.end;
  if (end === undefined) return [];
  const done = isDone(view);
  if (end.state === 'complete') {
    const cut = cutRowsWarning(view.state?.rows, view.run.spec.context.maxTokens);
    const message = `model ${end.model}${cut === undefined ? '' : `; ${cut}`}`;
    return done ? [trainingCondition('Complete', 'True', 'ModelStored', message)] : [];
  }
  const { reason, message } = end;
  const state = { status: 'True', reason, message } as const;
  const target: ConditionState = { type: 'FailureTarget', ...state };
  return done ? [target, { type: 'Failed', ...state }] : [target];
}

const NEEDS_ACTION: ReadonlySet<string> = new Set([
  'Blocked',
  'JobsForbidden',
  'BatchesForbidden',
  'RolloutsBlocked',
  'ImagePullFailing',
  'ServerIncompatible',
]);

function stalledBy(view: TrainingView, progress: ConditionState): ConditionState | undefined {
  const end = view.state?.end;
  if (isDone(view) && end?.state === 'failed') {
    return trainingCondition('Stalled', 'True', 'RunFailed', end.message);
  }
  if (!NEEDS_ACTION.has(progress.reason)) return undefined;
  return trainingCondition('Stalled', 'True', 'NeedsAction', progress.message);
}
