import type {
  AttemptPod,
  AttemptRow,
  CallRow,
  RolloutRow,
  VerificationRow,
} from '../store/records.ts';
import type { ReadContext } from './read-context.ts';
import { type CallBranch, callBranches, openingsOf } from './rollout-branches.ts';

/** Everything that the record store holds of one rollout; the JSON form of `clawgym show`. */
export interface RolloutDetail {
  readonly rollout: RolloutRow;
  readonly attempts: readonly AttemptDetail[];
}

export interface AttemptDetail {
  readonly attempt: AttemptRow;
  readonly calls: readonly CallDetail[];
  /** Why no call has a `branch`; absent: each has. */
  readonly branchesUnknown?: string | undefined;
  readonly verifications: readonly VerificationRow[];
  /** None for a run on this machine. */
  readonly pods: readonly AttemptPod[];
}

export interface CallDetail extends CallRow {
  readonly branch?: CallBranch | undefined;
}

export async function rolloutDetail({
  store,
  artifacts,
  rollout,
}: Pick<ReadContext, 'store' | 'artifacts' | 'rollout'>): Promise<RolloutDetail> {
  const attempts: AttemptDetail[] = [];
  const openings = openingsOf({ store, artifacts }, rollout);
  for (const attempt of await store.listAttempts(rollout.id)) {
    const rows = await store.listCalls(attempt.id);
    const branches = await callBranches(artifacts, openings, attempt.id, rows);
    const known = typeof branches === 'string' ? undefined : branches;
    attempts.push({
      attempt: { ...attempt, nonce: '(hidden)' },
      calls: rows.map((row) => ({ ...row, branch: known?.get(row.callId) })),
      ...(typeof branches === 'string' && { branchesUnknown: branches }),
      verifications: await store.listVerifications(attempt.id),
      pods: await store.listPods(attempt.id),
    });
  }
  return { rollout, attempts };
}
