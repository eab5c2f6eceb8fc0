import { isRecord, parseJson } from '../base/brand.ts';
import type { BatchRow } from '../store/records.ts';
import { deletedObjects } from './named-objects.ts';
import type { NamedBatch } from './record-source.ts';

/** Batches of the namespace that the server keeps and no object has any more, newest first. */
export function deletedBatches(
  rows: readonly BatchRow[],
  place: { readonly namespace: string; readonly live: readonly NamedBatch[] },
): readonly NamedBatch[] {
  const kept = rows.flatMap(({ id, spec, createdAt }) => {
    const origin = originOf(spec);
    return origin === undefined ? [] : [{ id, createdAt, ...origin }];
  });
  return deletedObjects(kept, place);
}

/** Of the spec as it was frozen; undefined for what no cluster made. */
function originOf(spec: string): { readonly namespace: string; readonly name: string } | undefined {
  const value = parseJson(spec);
  if (!isRecord(value)) return undefined;
  const { namespace, name } = value;
  return typeof namespace === 'string' && typeof name === 'string'
    ? { namespace, name }
    : undefined;
}
