import { shortJob } from '../rolloutbatch/shortage.ts';
import type { Job } from '../shared/kube-kinds.ts';
import type { TrainerPodFact } from './observed.ts';

/** The Job of a run that has fewer pods than nodes, though it is old enough to have them. */
export function shortTrainers(
  jobs: readonly Job[],
  pods: readonly TrainerPodFact[],
  now: number,
): Job | undefined {
  // One that lost a pod is about to fail; one without any has a reason.
  const empty = jobs.filter(({ metadata }) => pods.every(({ jobUid }) => jobUid !== metadata.uid));
  const one = new Map(empty.map(({ metadata }) => [metadata.name, 1]));
  return shortJob(empty, [], one, now);
}
