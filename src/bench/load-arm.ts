import type { BatchId } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { ArmFacts, ArmLabel, AttemptFacts, RolloutFacts } from './run-facts.ts';

/** Reads the rows of one arm. Throws `NotFound` where the batch was never planned. */
export async function loadArm(
  store: RecordReader,
  batchId: BatchId,
  label: ArmLabel,
): Promise<ArmFacts> {
  const batch = await store.getBatch(batchId);
  if (batch === undefined) {
    throw new ClawError(
      'NotFound',
      `arm ${label.name}: batch ${batchId} is not in the record store`,
    );
  }
  const rollouts: RolloutFacts[] = [];
  for (const row of await store.listRollouts(batchId)) {
    const attempts: AttemptFacts[] = [];
    for (const attempt of await store.listAttempts(row.id)) {
      const verifications = await store.listVerifications(attempt.id);
      attempts.push({
        row: attempt,
        graders: verifications.map((verification) => verification.grader),
        calls: await store.listCalls(attempt.id),
      });
    }
    rollouts.push({ row, attempts });
  }
  return { ...label, batch, rollouts };
}
