import { sha256 } from '../../base/digest.ts';
import type { RlRun } from './rl-run.ts';

/**
 * The tasks of a step, from 1: every epoch is a new order of all tasks, parted into steps; what is left
 * over at its end waits for the next order. So no step holds a task twice, and the same run asks for the
 * same tasks whoever computes them.
 */
export function tasksOfStep(
  { name, seed, tasks, groups }: Pick<RlRun, 'name' | 'seed' | 'tasks' | 'groups'>,
  step: number,
): readonly string[] {
  const perEpoch = Math.max(1, Math.floor(tasks.length / groups.perStep));
  const epoch = Math.floor((step - 1) / perEpoch);
  const from = ((step - 1) % perEpoch) * groups.perStep;
  const order = tasks
    .map((task) => ({ task, key: sha256(`${name} ${seed} ${epoch} ${task}`) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return order.slice(from, from + groups.perStep).map(({ task }) => task);
}
