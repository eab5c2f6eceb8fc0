import type { Sha256 } from '../base/brand.ts';
import type { AttemptRow, CallRow } from '../store/records.ts';
import type { Task } from '../tasks/task.ts';
import { finalMessage } from '../trajectories/final-message.ts';
import { readCalls } from '../trajectories/read-calls.ts';
import { sessionTranscript } from '../trajectories/session-transcript.ts';
import type { GradePayload } from './grade-spec.ts';
import type { RolloutApi } from './rollout-api.ts';

/** What a verifier may read beside the workspace, where no agent has run. */
export function emptyPayload(task: Task): GradePayload {
  return {
    task_id: task.id,
    user_query: task.instruction.turns.map((turn) => turn.text).join('\n\n'),
    metadata: task.extra['metadata'] ?? {},
    final_message: '',
    transcript: [],
  };
}

export interface PayloadDeps {
  readonly api: Pick<RolloutApi, 'listCalls' | 'read'>;
}

/** Of the latest calls, so much is read back at most; an agent may have made any number of them. */
const TRANSCRIPT_BYTES = 32 * 1024 * 1024;
const TRANSCRIPT_CALLS = 2000;
/** Only the last answer with a text is wanted, and it stands near the end. */
const FINAL_MESSAGE_CALLS = 20;

/**
 * The payload of an attempt; transcript and final text come from its recorded model calls. Only
 * PinchBench graders read the transcript, so the others get none.
 */
export async function gradePayload(
  task: Task,
  attempt: AttemptRow,
  deps: PayloadDeps,
): Promise<GradePayload> {
  const wantsTranscript = task.verifier?.dialect === 'pinchbench';
  const most = wantsTranscript ? TRANSCRIPT_CALLS : FINAL_MESSAGE_CALLS;
  const rows = (await deps.api.listCalls(attempt.id)).slice(-most);
  const kept = await latestWithin(TRANSCRIPT_BYTES, rows, deps.api);
  const calls = await readCalls(attempt.id, { listCalls: async () => kept }, deps.api);
  return {
    ...emptyPayload(task),
    final_message: finalMessage(calls),
    transcript: wantsTranscript ? sessionTranscript(calls, task.workspace.path) : [],
  };
}

/** The latest calls whose requests and answers together have at most so many bytes, in order. */
async function latestWithin(
  bytes: number,
  rows: readonly CallRow[],
  artifacts: PayloadDeps['api'],
): Promise<readonly CallRow[]> {
  const kept: CallRow[] = [];
  let left = bytes;
  for (const row of rows.toReversed()) {
    for (const digest of [row.request, row.finish?.response]) {
      if (digest !== undefined) left -= await sizeOf(digest, artifacts);
    }
    if (left < 0) break;
    kept.push(row);
  }
  return kept.toReversed();
}

/** A part that cannot be read takes no room; reading the call names the problem. */
async function sizeOf(digest: Sha256, artifacts: PayloadDeps['api']): Promise<number> {
  try {
    return (await artifacts.read(digest)).byteLength;
  } catch {
    return 0;
  }
}
