import { ClawError } from '../base/error.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { AttemptRow, RolloutRow } from '../store/records.ts';

/**
 * The rollout whose id is `wanted` or contains it, where that is one only. Throws `NotFound` with
 * what is there, `InvalidInput` with the candidates.
 */
export async function findRollout(store: RecordReader, wanted: string): Promise<RolloutRow> {
  const found: RolloutRow[] = [];
  for (const batch of await store.listBatches()) {
    for (const row of await store.listRollouts(batch.id)) {
      if (row.id === wanted) return row;
      if (row.id.includes(wanted)) found.push(row);
    }
  }
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined) {
    throw new ClawError(
      'NotFound',
      `no rollout has ${JSON.stringify(wanted)} in its id; rollouts.jsonl lists them`,
    );
  }
  const shown = found.slice(0, 5).map(({ id }) => id);
  throw new ClawError(
    'InvalidInput',
    `${JSON.stringify(wanted)} fits ${found.length} rollouts, for example ${shown.join(', ')}: give more of the id`,
  );
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
  const which = number === undefined ? 'no attempt' : `no attempt ${number}`;
  throw new ClawError('NotFound', `rollout ${rollout.id} has ${which}; it has ${attempts.length}`);
}
