import { ClawError } from '../base/error.ts';
import type { NamedBatch, RecordSource } from './record-source.ts';

/** The batch of that name, or the only one whose name contains it. */
export function findBatch({ batches }: Pick<RecordSource, 'batches'>, wanted: string): NamedBatch {
  const exact = batches.find(({ id, name }) => id === wanted || name === wanted);
  if (exact !== undefined) return exact;
  const [only, more] = batches.filter(({ name }) => name.includes(wanted));
  if (only !== undefined && more === undefined) return only;
  const names = batches.map(({ name }) => name).join(', ');
  const what = only === undefined ? 'is no batch' : 'fits more than one batch';
  throw new ClawError(
    only === undefined ? 'NotFound' : 'InvalidInput',
    `${JSON.stringify(wanted)} ${what}; there ${names === '' ? 'is none yet' : `are: ${names}`}`,
  );
}
