import { asRolloutId } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { AttemptRow, RolloutRow } from '../store/records.ts';
import type { NamedBatch, RecordSource } from './record-source.ts';

/** A rollout with the name that people know it by. */
export interface NamedRollout {
  readonly row: RolloutRow;
  readonly name: string;
}

/** `<name of the batch>/<task>/<sample>`. */
export function rolloutName(batch: NamedBatch, row: Pick<RolloutRow, 'id'>): string {
  return `${batch.name}${row.id.slice(batch.id.length)}`;
}

/**
 * The rollout whose name or id is `wanted`, or whose name contains it where that is one only. Of batches that
 * were deleted it takes the whole name. Throws `NotFound` with what is there, `InvalidInput` with the candidates.
 */
export async function findRollout(
  {
    store,
    batches,
    deleted,
    listing,
  }: Pick<RecordSource, 'store' | 'batches' | 'deleted' | 'listing'>,
  wanted: string,
): Promise<NamedRollout> {
  const whole =
    (await wholeName(store, batches, wanted)) ?? (await wholeName(store, await deleted(), wanted));
  if (whole !== undefined) return whole;
  const found: NamedRollout[] = [];
  for (const batch of batches) {
    for (const row of await store.listRollouts(batch.id)) {
      const name = rolloutName(batch, row);
      if (name.includes(wanted)) found.push({ row, name });
    }
  }
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined) {
    throw new ClawError(
      'NotFound',
      `no rollout has ${JSON.stringify(wanted)} in its id; ${listing} lists them`,
    );
  }
  const shown = found.slice(0, 5).map(({ name }) => name);
  throw new ClawError(
    'InvalidInput',
    `${JSON.stringify(wanted)} fits ${found.length} rollouts, for example ${shown.join(', ')}: give more of the id`,
  );
}

async function wholeName(
  store: RecordReader,
  batches: readonly NamedBatch[],
  wanted: string,
): Promise<NamedRollout | undefined> {
  for (const batch of batches) {
    const id = idOf(batch, wanted);
    const row = id === undefined ? undefined : await store.getRollout(asRolloutId(id));
    if (row !== undefined) return { row, name: rolloutName(batch, row) };
  }
  return undefined;
}

/** The id in the store where `wanted` begins with the batch, by name or id. */
function idOf({ id, name }: NamedBatch, wanted: string): string | undefined {
  if (wanted.startsWith(`${id}/`)) return wanted;
  return wanted.startsWith(`${name}/`) ? `${id}${wanted.slice(name.length)}` : undefined;
}

/** The attempt of that number, or the last one that ran. */
export async function findAttempt(
  store: RecordReader,
  rollout: RolloutRow,
  number: number | undefined,
): Promise<AttemptRow> {
  const attempts = await store.listAttempts(rollout.id);
  const attempt =
    number === undefined ? attempts.at(-1) : attempts.find((row) => row.number === number);
  if (attempt !== undefined) return attempt;
  const why =
    attempts.length === 0
      ? 'was not started yet'
      : `has no attempt ${number}; it has ${attempts.length}`;
  throw new ClawError('NotFound', `rollout ${rollout.id} ${why}`);
}
