import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importClawGymDirectory } from '../../src/tasks/import/clawgym-directory.ts';
import { DEFAULT_IMPORT_LIMITS } from '../../src/tasks/import/import-limits.ts';
import { collectTasks } from '../../src/tasks/import/import-tasks.ts';
import type { Task, TaskFile } from '../../src/tasks/task.ts';
import type { BlobSource } from '../../src/tasks/task-set.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/tasks', import.meta.url));

export interface ExampleTask {
  readonly task: Task;
  readonly blobs: BlobSource;
  /** The files of its verifier and of its reference solution, by path. */
  readonly verifier: Readonly<Record<string, string>>;
  readonly solution: Readonly<Record<string, string>>;
}

/** One of the repository's own tasks, imported as the product does. */
export async function exampleTask(id: string): Promise<ExampleTask> {
  const folder = join(EXAMPLES, id);
  const result = await collectTasks('clawgym-directory', importClawGymDirectory, folder, {
    scanAgentCode: () => 'none',
    limits: DEFAULT_IMPORT_LIMITS,
    signal: new AbortController().signal,
    strictUpstream: false,
  });
  const task = result.entries[0]?.task;
  if (task === undefined) throw new Error(`${id}: ${JSON.stringify(result.problems)}`);
  return {
    task,
    blobs: result.blobs,
    verifier: await texts(task.verifier?.files ?? [], result.blobs),
    solution: await texts(task.solution?.files ?? [], result.blobs),
  };
}

async function texts(
  files: readonly TaskFile[],
  blobs: BlobSource,
): Promise<Record<string, string>> {
  const named = files.map(async ({ path, digest }): Promise<[string, string]> => {
    return [path, Buffer.from(await blobs.read(digest)).toString()];
  });
  return Object.fromEntries(await Promise.all(named));
}
