import type { ConditionState } from '../../kube/objects/conditions.ts';
import { STORE_FULL } from '../shared/next-steps.ts';
import { rlWords } from './rl/status.ts';
import type { TrainingView } from './view.ts';
import { trainingCondition } from './vocabulary.ts';

/**
 * What a run is doing, or why it does nothing: the first that holds, what a person has to know first.
 * Without numbers: those stand in the fields beside it.
 */
export function progressing(view: TrainingView, done: boolean): ConditionState {
  const { state, problem, serverAway, serverReason = 'ServerUnavailable', mode } = view;
  if (done && state?.end !== undefined) return ended(state.end);
  if (serverAway !== undefined) {
    const status = serverReason === 'ServerUnavailable' ? 'Unknown' : 'False';
    return trainingCondition('Progressing', status, serverReason, serverAway);
  }
  if (problem !== undefined && !problem.waits)
    return trainingCondition('Progressing', 'False', 'Blocked', problem.message);
  if (state === undefined)
    return trainingCondition('Progressing', 'True', 'Planning', problem?.message);
  if (state.end?.state === 'failed')
    return trainingCondition('Progressing', 'True', 'Stopping', state.end.message);
  if (state.end !== undefined) return trainingCondition('Progressing', 'True', 'Finishing');
  if (problem !== undefined)
    return trainingCondition('Progressing', 'True', 'Planning', problem.message);
  if (mode === 'pause') return trainingCondition('Progressing', 'False', 'Suspended');
  return hindered(view) ?? working(view);
}

function ended(end: NonNullable<NonNullable<TrainingView['state']>['end']>): ConditionState {
  return end.state === 'complete'
    ? trainingCondition('Progressing', 'False', 'Complete')
    : trainingCondition('Progressing', 'False', 'Failed', end.message);
}

function hindered(view: TrainingView): ConditionState | undefined {
  const { forbidden, jobs, pods, storeFull, rl } = view;
  const no = (reason: Parameters<typeof trainingCondition<'Progressing'>>[2], message?: string) =>
    trainingCondition('Progressing', 'False', reason, message);
  if (forbidden !== undefined) return no(forbidden.reason, forbidden.message);
  if (rl?.blocked !== undefined) return no('RolloutsBlocked', rl.blocked);
  const live = pods.filter((pod) => !pod.over);
  const image = live.find(({ imageProblem }) => imageProblem !== undefined)?.imageProblem;
  if (image !== undefined) return no('ImagePullFailing', image);
  const queued = jobs.find((job) => job.suspended !== undefined && !job.deleting);
  if (queued !== undefined) return no('Queued', queued.suspended || undefined);
  // One pod without a place keeps the others waiting, so each has to have one.
  const unplaced = live.find(({ unschedulable }) => unschedulable !== undefined);
  if (unplaced !== undefined) return no('Unschedulable', unplaced.unschedulable);
  if (storeFull && live.length === 0) return no('StoreFull', STORE_FULL);
  return undefined;
}

function working({ state, pods, rl }: TrainingView): ConditionState {
  if (rl?.state?.wanted !== undefined) {
    return trainingCondition('Progressing', 'True', 'Sampling', rlWords(rl.state, rl));
  }
  if (pods.some((pod) => !pod.over && pod.training)) {
    const words = rl?.state && rlWords(rl.state, rl);
    return trainingCondition('Progressing', 'True', 'Training', words);
  }
  const last = state?.lastEnd;
  if (last === undefined) return trainingCondition('Progressing', 'True', 'Starting');
  return trainingCondition('Progressing', 'True', 'Restarting', `the start before ended: ${last}`);
}
