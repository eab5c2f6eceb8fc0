import type { WorkItem } from '../../store/cluster-records.ts';
import type { LiveBatch } from './live-batch.ts';

/** Seconds that the verifier of a row may run; `doubled` gives it twice the time. */
export function verifierDeadline(
  batch: LiveBatch,
  item: Exclude<WorkItem, { kind: 'rollout' }>,
): number {
  if (item.kind === 'gate') return batch.taskByDigest(item.taskDigest).timeouts.verifierSeconds;
  const { verifierSeconds } = batch.ofAttempt(item.attempt).task.timeouts;
  return item.verification === 'doubled' ? 2 * verifierSeconds : verifierSeconds;
}
