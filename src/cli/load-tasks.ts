import { statSync } from 'node:fs';
import type { Logger } from '../base/logger.ts';
import { ClawError } from '../base/error.ts';
import { sha256 } from '../base/digest.ts';
import { collectTasks } from '../tasks/import/import-tasks.ts';
import { importClawGymJsonl } from '../tasks/import/clawgym-jsonl.ts';
import { importClawGymDirectory } from '../tasks/import/clawgym-directory.ts';
import { DEFAULT_IMPORT_LIMITS } from '../tasks/import/import-limits.ts';
import type { TaskSet } from '../tasks/task-set.ts';
import { scanAgentCode } from '../verifiers/scan-agent-code.ts';
import type { TasksRequest } from './run-request.ts';

/** The tasks of a run, imported and narrowed to the wanted ids. */
export async function loadTasks(
  request: TasksRequest,
  logger: Logger,
  signal: AbortSignal,
): Promise<TaskSet> {
  const folder = statSync(request.path).isDirectory();
  const result = await collectTasks(
    folder ? 'clawgym-directory' : 'clawgym-jsonl',
    folder ? importClawGymDirectory : importClawGymJsonl,
    request.path,
    {
      scanAgentCode: (files) => scanAgentCode(files).class,
      limits: DEFAULT_IMPORT_LIMITS,
      signal,
      strictUpstream: false,
    },
  );
  for (const problem of result.problems) logger.error({}, problem.message);
  if (result.problems.length > 0 && !request.skipInvalid) throw new ClawError('InvalidTask', `${result.refused} tasks of ${request.path} were refused`);
  const tasks = result.entries.filter(({ task }) => request.ids?.includes(task.id) ?? true);
  return { tasks, blobs: result.blobs, digest: sha256(tasks.map(({ digest }) => digest).join('')) };
}
