import { ClawError } from '../../../src/base/error.ts';
import { trainerJobName } from '../../../src/engines/kubernetes/job-names.ts';
import type { TrainingState } from '../../../src/protocol/training-api.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import type { TrainingRun } from '../shared/kinds.ts';
import { runStart } from '../shared/run-start.ts';
import { trainerJobFact, trainerPodFact } from './facts.ts';
import type { Mode, Observed } from './observed.ts';
import type { TrainingWorld } from './world.ts';

/** What the caches say of a run, at one moment. */
export function clusterFacts(world: TrainingWorld, uid: string, now: number) {
  return {
    jobs: world.jobs.byIndex('owner', uid).map(trainerJobFact),
    pods: world.pods.byIndex('run', uid).flatMap((pod) => trainerPodFact(pod, now) ?? []),
  };
}

/** While it stands still its time does not run out, and it begins anew when it goes on. */
export function modeOf(run: TrainingRun, state: TrainingState | undefined, now: number): Mode {
  const { spec } = run;
  if (spec.suspend) return 'pause';
  const start = runStart(run, state?.startedAt, now);
  const seconds = spec.activeDeadlineSeconds;
  if (seconds === undefined || start === undefined || state?.end !== undefined) return 'run';
  return now >= start + seconds * 1000 ? 'stop' : 'run';
}

export function observedOf(
  run: TrainingRun,
  state: TrainingState,
  seen: Pick<Observed, 'jobs' | 'pods' | 'mode' | 'mayStart'>,
): Observed {
  const { name, uid } = run.metadata;
  if (uid === undefined) throw new ClawError('Internal', `TrainingRun ${name} has no uid`);
  const pause = findCondition(run.status?.conditions, 'Suspended');
  const wasPausing = pause?.status === 'True' && pause.reason === 'Suspending';
  return {
    ...seen,
    state,
    jobName: trainerJobName({ name, uid }, state.attempt),
    pausing: seen.mode === 'pause' || wasPausing,
    deadlineSeconds: run.spec.activeDeadlineSeconds,
  };
}
