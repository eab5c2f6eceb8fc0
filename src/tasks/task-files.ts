import type { Sha256 } from '../base/brand.ts';
import type { Task, TaskFile } from './task.ts';

/** Every file that a task refers to: inputs, verifier, solution, build context. */
export function taskFiles(task: Task): TaskFile[] {
  return [
    ...task.workspace.inputs,
    ...(task.verifier?.files ?? []),
    ...(task.solution?.files ?? []),
    ...(task.environment.build?.files ?? []),
  ];
}

/** Digest and size of each distinct file of the tasks, in digest order. */
export function distinctBlobs(tasks: Iterable<Task>): { digest: Sha256; size: number }[] {
  const sizes = new Map<Sha256, number>();
  for (const task of tasks) for (const file of taskFiles(task)) sizes.set(file.digest, file.size);
  return [...sizes]
    .map(([digest, size]) => ({ digest, size }))
    .toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
}
