import type { TaskSetAnswer } from '../../protocol/operator-api.ts';
import { taskFacts } from '../../tasks/gate/task-facts.ts';
import type { TaskSet } from '../../tasks/task-set.ts';

/** The static gate over a stored task set (gate G0): what can be said without running anything. */
export async function taskSetAnswer(set: TaskSet): Promise<TaskSetAnswer> {
  const tasks = [];
  for (const entry of set.tasks) tasks.push(await taskFacts(entry, set.blobs));
  return { digest: set.digest, tasks };
}
