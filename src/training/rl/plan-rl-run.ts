import { ClawError } from '../../base/error.ts';
import type { RlEvaluation, RlGroups, RlRun } from './rl-run.ts';

/** A run before its tasks are known. */
export interface RlPlanFacts {
  readonly name: string;
  readonly seed: number;
  readonly steps: number;
  readonly groups: RlGroups;
  readonly evaluation: Pick<RlEvaluation, 'every' | 'samples'> | undefined;
  readonly trainerRetries: number;
}

/**
 * A run over the tasks of its frozen sets, by id. Throws `InvalidManifest` where there are too few.
 *
 * @param measured tasks of evaluations; those of the training where the run names no others
 */
export function planRlRun(
  { evaluation, ...facts }: RlPlanFacts,
  tasks: readonly string[],
  measured: readonly string[],
): RlRun {
  const { name, groups } = facts;
  if (groups.perStep > tasks.length) {
    throw new ClawError(
      'InvalidManifest',
      `TrainingRun ${name}: rl.groups.perStep is ${groups.perStep}, and there are ${tasks.length} tasks: a step takes each task once at most`,
    );
  }
  const evaluate = evaluation && { ...evaluation, tasks: measured };
  return { ...facts, tasks, evaluate };
}
