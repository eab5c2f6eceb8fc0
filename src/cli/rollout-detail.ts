import type {
  AttemptPod,
  AttemptRow,
  CallRow,
  RolloutRow,
  VerificationRow,
} from '../store/records.ts';
import type { ReadContext } from './read-context.ts';

/** Everything that the record store holds of one rollout; the JSON form of `clawgym show`. */
export interface RolloutDetail {
  readonly rollout: RolloutRow;
  readonly attempts: readonly AttemptDetail[];
}

export interface AttemptDetail {
  readonly attempt: AttemptRow;
  readonly calls: readonly CallRow[];
  readonly verifications: readonly VerificationRow[];
  /** None for a run on this machine. */
  readonly pods: readonly AttemptPod[];
}

export async function rolloutDetail({ store, rollout }: ReadContext): Promise<RolloutDetail> {
  const attempts: AttemptDetail[] = [];
  for (const attempt of await store.listAttempts(rollout.id)) {
    attempts.push({
      attempt: { ...attempt, nonce: '(hidden)' },
      calls: await store.listCalls(attempt.id),
      verifications: await store.listVerifications(attempt.id),
      pods: await store.listPods(attempt.id),
    });
  }
  return { rollout, attempts };
}
