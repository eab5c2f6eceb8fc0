import { findNamed } from './named-objects.ts';
import type { NamedBatch, RecordSource } from './record-source.ts';

/**
 * The batch of that name, or the only one whose name contains it; one that was deleted where no other has
 * the name. Throws `NotFound` or `InvalidInput` with what is there.
 */
export async function findBatch(
  { batches, deleted }: Pick<RecordSource, 'batches' | 'deleted'>,
  wanted: string,
): Promise<NamedBatch> {
  return await findNamed({ live: batches, deleted }, wanted, 'batch');
}
