import type { Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import type { Task } from './task.ts';

/**
 * The identity of a task: SHA-256 over the canonical JSON of everything but `provenance`. File
 * contents enter through their digests; file lists are sorted by path, so the order in which a
 * platform lists a directory does not matter.
 */
export function taskDigest(task: Task): Sha256 {
  const { provenance: _provenance, ...semantic } = task;
  return sha256(canonicalJson(sortFiles(semantic)));
}

const byPath = (a: { path: string }, b: { path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

function sortFiles(task: Omit<Task, 'provenance'>): Omit<Task, 'provenance'> {
  return {
    ...task,
    workspace: { ...task.workspace, inputs: task.workspace.inputs.toSorted(byPath) },
    ...(task.verifier && {
      verifier: { ...task.verifier, files: task.verifier.files.toSorted(byPath) },
    }),
    ...(task.environment.build && {
      environment: {
        ...task.environment,
        build: { files: task.environment.build.files.toSorted(byPath) },
      },
    }),
    ...(task.solution && {
      solution: { ...task.solution, files: task.solution.files.toSorted(byPath) },
    }),
  };
}
