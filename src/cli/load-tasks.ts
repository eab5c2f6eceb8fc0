import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ClawError } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import {
  type LoadedTaskSet,
  type LoadTaskSetOptions,
  loadClawTasks,
  loadTaskSet,
} from '../tasks/load-task-set.ts';
import type { TaskSet } from '../tasks/task-set.ts';
import { agentCodeScanner } from '../verifiers/scan-agent-code.ts';
import type { TasksRequest } from './run-request.ts';

/** The tasks of a run; disposing it releases the file behind a task set. */
export interface RunTasks extends AsyncDisposable {
  /** Narrowed to the wanted ids; the digest is that of the whole set. */
  readonly set: TaskSet;
  /** With every task: its bytes have the digest. */
  readonly whole: TaskSet;
}

/**
 * Imports the tasks of a run. Every refusal is logged; without `skipInvalid` one is enough to stop
 * before anything runs. Throws `NotFound` for ids that the set lacks.
 */
export async function loadTasks(
  request: TasksRequest,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunTasks> {
  const options: LoadTaskSetOptions = {
    scanAgentCode: agentCodeScanner,
    signal,
  };
  await using stack = new AsyncDisposableStack();
  const loaded = await load(request, options, stack);
  stack.defer(() => loaded.close());
  for (const warning of loaded.warnings) logger.warn({}, warning);
  for (const problem of loaded.problems) logger.error({}, problem.message);
  if (loaded.problems.length > 0 && !request.skipInvalid) {
    throw new ClawError(
      'InvalidTask',
      `${request.path}: ${loaded.refused} tasks cannot be imported (named above); mend them, or leave them out with --skip-invalid`,
    );
  }
  if (loaded.refused > 0)
    logger.warn({}, `left out ${loaded.refused} tasks that cannot be imported`);
  const whole = loaded.set;
  const set = narrow(loaded, request);
  const kept = stack.move();
  return { set, whole, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function load(
  { path, objects, content }: TasksRequest,
  options: LoadTaskSetOptions,
  stack: AsyncDisposableStack,
): Promise<LoadedTaskSet> {
  if (objects !== undefined) return await loadClawTasks(objects, basename(path), options);
  if (content === undefined) return await loadTaskSet(path, options);
  const folder = await mkdtemp(join(tmpdir(), 'clawgym-tasks-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, content.name);
  await writeFile(file, content.bytes);
  return await loadTaskSet(file, options);
}

function narrow({ set }: LoadedTaskSet, { ids, path }: TasksRequest): TaskSet {
  if (ids === undefined) return set;
  const wanted = new Set(ids);
  const tasks = set.tasks.filter(({ task }) => wanted.has(task.id));
  const missing = [...wanted].filter((id) => !tasks.some(({ task }) => task.id === id));
  if (missing.length > 0) {
    throw new ClawError(
      'NotFound',
      `${path} has no task ${missing.map((id) => JSON.stringify(id)).join(', ')}; clawgym tasks show ${path} lists them`,
    );
  }
  return { digest: set.digest, tasks, blobs: set.blobs };
}
