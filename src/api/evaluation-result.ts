import { z } from 'zod';
import { fourDigits } from '../base/four-digits.ts';
import { zCount, zFraction } from './fields.ts';

/** What an evaluation of a reinforcement run found: in the status of the run, and in its model's record. */
export const zEvaluationResult = z
  .object({
    step: zCount.describe('Steps that were over when it was made.'),
    n: zCount.describe(
      'Rollouts that count: those with a verified score. Missing data (infrastructure, a verifier that failed, a task that cannot be graded) is left out.',
    ),
    score: zFraction
      .optional()
      .describe(
        'Mean over tasks of the mean final score of their rollouts, from 0 to 1. Absent: no rollout counts.',
      ),
    scoreLow: zFraction
      .optional()
      .describe(
        'Lower end of the 95 % interval of the score, for new tasks from the same source. Absent: fewer than two tasks count.',
      ),
    scoreHigh: zFraction.optional().describe('Upper end of it.'),
  })
  .describe('One evaluation of the policy.');
export type EvaluationResult = z.infer<typeof zEvaluationResult>;

/** As the coordinator of a run computes it. */
interface FoundScore {
  readonly step: number;
  readonly rewarded: number;
  readonly score: number | null;
  readonly interval: { readonly low: number; readonly high: number } | null;
}

/** Pure: numbers as decimals of four digits, as the scores of a BenchRun. */
export function evaluationResult(found: FoundScore): EvaluationResult {
  const { step, rewarded, score, interval } = found;
  return {
    ...{ step, n: rewarded },
    ...(score !== null && { score: fourDigits(score) }),
    ...(interval !== null && {
      scoreLow: fourDigits(interval.low),
      scoreHigh: fourDigits(interval.high),
    }),
  };
}
