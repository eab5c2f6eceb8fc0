import type { TaskSetAnswer } from '../../protocol/operator-api.ts';
import { checkTask } from '../../tasks/gate/check-task.ts';
import type { TaskEntry, TaskSet } from '../../tasks/task-set.ts';

/** The static gate over a stored task set (gate G0): what can be said without running anything. */
export async function taskSetAnswer(set: TaskSet): Promise<TaskSetAnswer> {
  const tasks = [];
  for (const entry of set.tasks) tasks.push(await taskAnswer(entry, set));
  return { digest: set.digest, tasks };
}

async function taskAnswer(
  { task, digest }: TaskEntry,
  { blobs }: TaskSet,
): Promise<TaskSetAnswer['tasks'][number]> {
  const findings = await checkTask(task, blobs);
  return {
    id: task.id,
    digest,
    agentCode: task.verifier?.agentCode ?? 'unknown',
    hasSolution: task.solution !== undefined,
    hasVerifier: task.verifier !== undefined,
    problems: findings
      .filter(({ level }) => level === 'error')
      .map(({ code, message }) => `${code}: ${message}`),
  };
}
