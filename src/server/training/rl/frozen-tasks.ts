import { ClawError } from '../../../base/error.ts';
import type { TaskSourceBody } from '../../../protocol/operator-api.ts';
import type { PlanRlBody } from '../../../protocol/rl-api.ts';
import type { TaskSet } from '../../../tasks/task-set.ts';
import type { RlPlan, RlSpec, RlTasks } from './rl-plan.ts';

/** Of a task set, what a run is planned by. */
export interface NamedTasks {
  readonly digest: TaskSet['digest'];
  readonly tasks: readonly { readonly task: { readonly id: string } }[];
}

/** Reads a source and keeps it as a task set. */
export type ResolveTasks = (source: TaskSourceBody, signal: AbortSignal) => Promise<NamedTasks>;

/** The tasks of a run and of its evaluations. Throws `NotFound` for ids that the sources lack. */
export async function frozenTasks(
  body: PlanRlBody,
  { rl }: RlSpec,
  resolve: ResolveTasks,
  signal: AbortSignal,
): Promise<Pick<RlPlan, 'tasks' | 'evaluationTasks'>> {
  const tasks = narrowed(await resolve(body.tasks, signal), rl.tasks.taskIds, 'spec.rl.tasks');
  const { evaluationTasks: source } = body;
  if (source === undefined) return { tasks, evaluationTasks: tasks };
  const ids = rl.evaluation?.tasks?.taskIds;
  const evaluationTasks = narrowed(await resolve(source, signal), ids, 'spec.rl.evaluation.tasks');
  return { tasks, evaluationTasks };
}

function narrowed(
  { digest, tasks }: NamedTasks,
  wanted: readonly string[] | undefined,
  place: string,
): RlTasks {
  const all = tasks.map(({ task }) => task.id);
  const missing = wanted?.find((id) => !all.includes(id));
  if (missing !== undefined) {
    throw new ClawError(
      'NotFound',
      `${place}.taskIds: the source has no task ${JSON.stringify(missing)}; it has ${all.length} tasks, for example ${all[0] ?? 'none'}`,
    );
  }
  const ids = wanted === undefined ? all : all.filter((id) => wanted.includes(id));
  return { set: digest, whole: ids.length === all.length, ids };
}
