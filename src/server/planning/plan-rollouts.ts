import type { PreparedAgent } from '../../agents/agent.ts';
import { asRolloutId, type BatchId } from '../../base/brand.ts';
import type { PlannedRollout } from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import type { TaskEntry } from '../../tasks/task-set.ts';

/** Why an engine cannot run or grade a task, named at plan time and never scored 0. */
export interface NotGradable {
  readonly reason: string;
  readonly message: string;
}

/**
 * The rollouts of a batch in their fixed order: samples outermost, tasks in the order of the set, so
 * that an interrupted batch has covered every task once before any task twice.
 */
export function planRollouts(
  batch: BatchId,
  tasks: readonly TaskEntry[],
  samples: number,
  refuse: (task: Task) => NotGradable | undefined,
): readonly PlannedRollout[] {
  const refused = new Map(tasks.map(({ task }) => [task.id, refuse(task)]));
  const planned: PlannedRollout[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    for (const { task, digest } of tasks) {
      const refusal = refused.get(task.id);
      planned.push({
        id: asRolloutId(`${batch}/${task.id}/${sample}`),
        taskId: task.id,
        taskDigest: digest,
        sample,
        ...(refusal && { decided: { outcome: 'not_gradable', reason: refusal.reason } }),
      });
    }
  }
  return planned;
}

/** A task whose programs live in an image of its own, which no engine of this version starts. */
export function imageRefusal(task: Task): NotGradable | undefined {
  if (task.environment.image !== undefined) {
    return {
      reason: 'NeedsImage',
      message: `task ${task.id} runs in its own image ${task.environment.image}, which this version cannot start`,
    };
  }
  if (task.environment.needs.includes('image-build')) {
    return {
      reason: 'NeedsImage',
      message: `task ${task.id} needs an image built from its Dockerfile`,
    };
  }
  return undefined;
}

/** What the engines cannot run or grade (design: rollouts.md 6), or what the agent cannot. */
export function planRefusal(task: Task, agent: PreparedAgent): NotGradable | undefined {
  const image = imageRefusal(task);
  if (image !== undefined) return image;
  if (task.environment.network !== 'none' && task.environment.needs.includes('web')) {
    return { reason: 'NeedsNetwork', message: `task ${task.id} needs the live web` };
  }
  if (task.verifier === undefined) {
    return { reason: 'NeedsJudge', message: `task ${task.id} is graded by a judge only` };
  }
  return agent.unsuited(task);
}
