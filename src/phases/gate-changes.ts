import type { WorkspaceChange } from '../agents/agent.ts';
import { lazyChanges } from '../agents/lazy.ts';
import type { Task } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';

/** Runs of a task's verifier without any agent; `store/cluster-records.ts` has the same words. */
export type GateName = 'nop' | 'lazy' | 'solution';

/**
 * The gates whose check names are proof for this task: the untouched inputs, lazy outputs, the
 * reference solution where it is files. Empty where the question does not arise, or where there can be
 * no proof: a solution that must be run may print names that no gate here ever sees.
 */
export function proofGates(task: Task): readonly GateName[] {
  if (task.verifier === undefined || task.verifier.agentCode === 'none') return [];
  if (task.solution?.script !== undefined) return [];
  const files = task.solution?.files ?? [];
  return files.length === 0 ? ['nop', 'lazy'] : ['nop', 'lazy', 'solution'];
}

/** What a gate run changes in the task's inputs. */
export async function gateChanges(
  task: Task,
  gate: GateName,
  blobs: BlobSource,
): Promise<readonly WorkspaceChange[]> {
  if (gate === 'nop') return [];
  if (gate === 'lazy') return lazyChanges(task, 'placeholder');
  const solved: WorkspaceChange[] = [];
  for (const { path, digest, executable } of task.solution?.files ?? []) {
    solved.push({ op: 'write', path, content: await blobs.read(digest), executable });
  }
  return solved;
}
