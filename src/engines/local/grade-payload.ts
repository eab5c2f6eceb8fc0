import type { GradePayload } from '../../phases/grade.ts';
import type { AttemptRow } from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import type { AttemptRunnerDeps } from './attempt-runner.ts';

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

/** The payload of an attempt; transcript and final text come from its recorded model calls. */
export async function gradePayload(
  task: Task,
  _attempt: AttemptRow,
  _deps: AttemptRunnerDeps,
): Promise<GradePayload> {
  return emptyPayload(task);
}
