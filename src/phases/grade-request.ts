import type { VerificationKind } from '../store/records.ts';
import type { CodeVerifier, Task } from '../tasks/task.ts';
import type { GradeRequest } from './grade.ts';
import { DEFAULT_GRADE_LIMITS } from './grade-spec.ts';

/** What one verification grades, and with what beside it. */
export type GradeFolders = Pick<GradeRequest, 'verifierDir' | 'scratchDir' | 'payload'>;

/** One verification of a task: its time and memory, twice as much for the second run. */
export function gradeRequest(
  task: Task,
  verifier: CodeVerifier,
  kind: VerificationKind,
  folders: GradeFolders,
): GradeRequest {
  // The second run must not fail for want of room (design: rollouts.md 1).
  const factor = kind === 'doubled' ? 2 : 1;
  return {
    ...folders,
    name: `grade-${kind.toLowerCase()}`,
    verifier,
    workspacePath: task.workspace.path,
    timeoutSeconds: task.timeouts.verifierSeconds * factor,
    limits: { memoryMiB: DEFAULT_GRADE_LIMITS.memoryMiB * factor },
  };
}
