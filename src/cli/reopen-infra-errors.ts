import type { BatchId } from '../base/brand.ts';
import type { RecordStore } from '../store/records.ts';

/**
 * Opens the rollouts of a batch again that ended as `infra_error` (`--retry-infra-errors`), with
 * retries counted anew. What counts as a result stays as it is: nothing is run again because of its
 * score.
 */
export async function reopenInfraErrors(
  store: Pick<RecordStore, 'listRollouts' | 'reopenRollout'>,
  batch: BatchId,
): Promise<void> {
  const rows = await store.listRollouts(batch);
  for (const { id, decision } of rows) {
    if (decision?.outcome === 'infra_error') await store.reopenRollout(id);
  }
}
