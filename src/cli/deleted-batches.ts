import { isRecord, parseJson } from '../base/brand.ts';
import type { BatchRow } from '../store/records.ts';
import type { NamedBatch } from './record-source.ts';

/**
 * Batches of the namespace that the server keeps and no object has any more, newest first. One that is not
 * the only one of its name, or not the newest, goes by its uid alone: the name is another's.
 */
export function deletedBatches(
  rows: readonly BatchRow[],
  { namespace, live }: { readonly namespace: string; readonly live: readonly NamedBatch[] },
): readonly NamedBatch[] {
  const there = new Set<string>(live.map(({ id }) => id));
  const taken = new Set(live.map(({ name }) => name));
  return rows
    .toSorted((a, b) => b.createdAt - a.createdAt)
    .flatMap(({ id, spec }) => {
      const origin = originOf(spec);
      if (there.has(id) || origin?.namespace !== namespace) return [];
      const name = taken.has(origin.name) ? id : origin.name;
      taken.add(origin.name);
      return [{ id, name, deleted: true }];
    });
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
