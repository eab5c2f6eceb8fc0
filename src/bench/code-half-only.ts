import type { ArmResult } from './results.ts';

/** Number of tasks with a rubric that no judge scored, so that their score is the code half alone. */
export function codeHalfOnly(arms: readonly ArmResult[]): number {
  const ids = arms.flatMap((arm) =>
    arm.tasks
      .filter((task) =>
        task.attempts.some(({ findings }) =>
          findings.some(({ code }) => code === 'RubricNotJudged'),
        ),
      )
      .map((task) => task.id),
  );
  return new Set(ids).size;
}
