import type { AttemptId, BatchId } from '../../base/brand.ts';
import { isAgentResult } from '../../rollouts/outcome.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import type { RolloutRow } from '../../store/records.ts';
import { readTokenCall } from '../../trajectories/tokens/read-token-call.ts';
import type { StepGroup, StepRollout } from '../../trajectories/tokens/token-batch.ts';
import type { TokenCall } from '../../trajectories/tokens/token-call.ts';
import { tokenRows } from '../../trajectories/tokens/token-rows.ts';

export interface StepSource {
  readonly store: Pick<RecordReader, 'listRollouts' | 'listCalls'>;
  readonly artifacts: Pick<ArtifactStore, 'read'>;
}

/** What becomes of answers that came to their length limit. */
export type CutAnswers = 'mask' | 'train';

export interface GroupOptions {
  /** Version that answered the batch's calls, where the engine itself did not say one. */
  readonly policyVersion: number;
  /**
   * `batch`: whatever the engine says, for one that serves a single model by its digest and knows no
   * number of it. Absent: `answers`.
   */
  readonly versionOf?: 'answers' | 'batch' | undefined;
  readonly cutAnswers: CutAnswers;
}

/**
 * The groups of a decided batch, a task each, in the order of its plan. Missing data (infrastructure, a
 * verifier that failed, a task that cannot be graded) has no reward; it is never a reward of 0.
 */
export async function stepGroups(
  batch: BatchId,
  options: GroupOptions,
  { store, artifacts }: StepSource,
): Promise<readonly StepGroup[]> {
  const rows = await store.listRollouts(batch);
  const groups: StepGroup[] = [];
  for (const [task, samples] of Map.groupBy(rows, ({ taskId }) => taskId)) {
    const rollouts: StepRollout[] = [];
    for (const row of samples) {
      const reward = rewardOf(row);
      const attempt = row.decision?.attempt;
      const taught = reward !== undefined && attempt !== undefined;
      const calls = taught ? await callsOf(attempt, options, { store, artifacts }) : [];
      const cutAnswers = calls.filter(({ cut }) => cut === true).length;
      rollouts.push({ rollout: row.id, reward, rows: tokenRows(calls), cutAnswers });
    }
    groups.push({ task, taskDigest: samples[0]?.taskDigest ?? '', rollouts });
  }
  return groups;
}

export function rewardOf({ decision }: RolloutRow): number | undefined {
  if (decision === undefined || !isAgentResult(decision.outcome)) return undefined;
  return decision.score.final ?? undefined;
}

async function callsOf(
  attempt: AttemptId,
  { policyVersion, cutAnswers, versionOf }: GroupOptions,
  { store, artifacts }: StepSource,
): Promise<readonly TokenCall[]> {
  const calls: TokenCall[] = [];
  for (const row of await store.listCalls(attempt)) {
    const call = await readTokenCall(row, artifacts, policyVersion);
    // A call that cannot be trained on opens another segment; nothing is filled in for it.
    if (typeof call === 'string') continue;
    calls.push({
      ...call,
      ...(versionOf === 'batch' && { version: policyVersion }),
      ...(cutAnswers === 'train' && { cut: false }),
    });
  }
  return calls;
}
