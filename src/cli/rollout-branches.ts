import type { AttemptId } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { CallRow, RolloutRow } from '../store/records.ts';
import { findTask } from '../tasks/set/find-task.ts';
import { type BranchKind, callTree, sessionOpenings } from '../trajectories/call-tree.ts';
import { readCalls } from '../trajectories/read-calls.ts';

/** What a call is to the conversations of its attempt; `main` is in a row of an export. */
export type CallBranch = 'main' | BranchKind;

/** Where the parts of a rollout are kept. */
export interface BranchSource {
  readonly store: Pick<RecordReader, 'getBatch'>;
  readonly artifacts: Pick<ArtifactStore, 'read' | 'stream'>;
}

/** Most of one attempt, requests and answers, that is read for people who wait. */
export const SHOWN_CALL_BYTES = 16 * 1024 ** 2;
/** Most of a task set that is read to find one task. */
const TASK_SET_BYTES = 32 * 1024 ** 2;

/** How the sessions of the rollout's task open, read at most once. */
export function openingsOf(
  { store, artifacts }: BranchSource,
  { batch, taskId, taskDigest }: RolloutRow,
): () => Promise<readonly string[]> {
  const read = async (): Promise<readonly string[]> => {
    const set = (await store.getBatch(batch))?.taskSet;
    if (set === undefined) throw new ClawError('NotFound', `batch ${batch} is not there`);
    const bytes = await artifacts.stream(set);
    const entry = await findTask(bytes, { id: taskId, digest: taskDigest }, TASK_SET_BYTES);
    if (entry !== undefined) return sessionOpenings(entry.task.instruction.turns);
    throw new ClawError('NotFound', `task ${taskId} is not in the task set of its batch`);
  };
  let found: Promise<readonly string[]> | undefined;
  return () => {
    found ??= read();
    return found;
  };
}

/**
 * By call id, or the reason why it is not known: the parts may be gone, or more than is read to show them.
 * Reads nothing where no call has a complete answer.
 */
export async function callBranches(
  artifacts: BranchSource['artifacts'],
  openings: () => Promise<readonly string[]>,
  attempt: AttemptId,
  rows: readonly CallRow[],
): Promise<ReadonlyMap<string, CallBranch> | string> {
  if (!rows.some(({ finish }) => finish?.result === 'complete')) {
    return new Map(rows.map(({ callId }) => [callId, 'unanswered']));
  }
  try {
    const texts = await openings();
    const limits = { maxBytes: SHOWN_CALL_BYTES, completeOnly: true };
    const records = { listCalls: async () => rows };
    const calls = await readCalls(attempt, records, artifacts, limits);
    const { main, branches } = callTree(calls, texts);
    return new Map<string, CallBranch>([
      ...main.flatMap((chain) => chain.calls.map(({ row }) => [row.callId, 'main'] as const)),
      ...branches.map(({ kind, call }) => [call.row.callId, kind] as const),
    ]);
  } catch (thrown) {
    if (thrown instanceof ClawError) return thrown.message;
    throw thrown;
  }
}
