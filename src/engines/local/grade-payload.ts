import type { GradePayload } from '../../phases/grade.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { AttemptRow, RecordStore } from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import { finalMessage } from '../../trajectories/final-message.ts';
import { readCalls } from '../../trajectories/read-calls.ts';
import { sessionTranscript } from '../../trajectories/session-transcript.ts';

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
  readonly store: Pick<RecordStore, 'listCalls'>;
  readonly artifacts: Pick<ArtifactStore, 'read'>;
}

/** The payload of an attempt; transcript and final text come from its recorded model calls. */
export async function gradePayload(
  task: Task,
  attempt: AttemptRow,
  deps: PayloadDeps,
): Promise<GradePayload> {
  const calls = await readCalls(attempt.id, deps.store, deps.artifacts);
  return {
    ...emptyPayload(task),
    final_message: finalMessage(calls),
    transcript: sessionTranscript(calls, task.workspace.path),
  };
}
