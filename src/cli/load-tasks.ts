import type { Logger } from '../base/logger.ts';
import type { TaskSet } from '../tasks/task-set.ts';
import type { TasksRequest } from './run-request.ts';

/** The tasks of a run, imported and narrowed to the wanted ids. */
export async function loadTasks(
  _request: TasksRequest,
  _logger: Logger,
  _signal: AbortSignal,
): Promise<TaskSet> {
  throw new Error('pending');
}
