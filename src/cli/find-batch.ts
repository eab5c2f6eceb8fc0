import { ClawError } from '../base/error.ts';
import type { NamedBatch, RecordSource } from './record-source.ts';

/**
 * The batch of that name, or the only one whose name contains it; one that was deleted where no other has
 * the name. Throws `NotFound` or `InvalidInput` with what is there.
 */
export async function findBatch(
  { batches, deleted }: Pick<RecordSource, 'batches' | 'deleted'>,
  wanted: string,
): Promise<NamedBatch> {
  const exact = named(batches, wanted);
  if (exact !== undefined) return exact;
  const all = [...batches, ...(await deleted())];
  const found = named(all, wanted) ?? onlyLike(batches, wanted) ?? onlyLike(all, wanted);
  if (found !== undefined) return found;
  const names = all.map(shown).join(', ');
  const none = all.every(({ name }) => !name.includes(wanted));
  const what = none ? 'is no batch' : 'fits more than one batch';
  throw new ClawError(
    none ? 'NotFound' : 'InvalidInput',
    `${JSON.stringify(wanted)} ${what}; there ${names === '' ? 'is none yet' : `are: ${names}`}`,
  );
}

const named = (batches: readonly NamedBatch[], wanted: string): NamedBatch | undefined =>
  batches.find(({ id, name }) => id === wanted || name === wanted);

function onlyLike(batches: readonly NamedBatch[], wanted: string): NamedBatch | undefined {
  const [only, more] = batches.filter(({ name }) => name.includes(wanted));
  return more === undefined ? only : undefined;
}

const shown = ({ name, deleted }: NamedBatch): string => (deleted ? `${name} (deleted)` : name);
