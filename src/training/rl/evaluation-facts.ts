import { mean, meanInterval } from '../../base/statistics.ts';
import type { RolloutRow } from '../../store/records.ts';
import { rewardOf } from './step-groups.ts';

/** What an evaluation found. */
export interface EvaluationFacts {
  /** After which it was made. */
  readonly step: number;
  readonly policyVersion: number;
  readonly rollouts: number;
  /** Those with a reward. */
  readonly rewarded: number;
  /** Mean over tasks of the mean of their rewards, as a BenchRun has it; null without any. */
  readonly score: number | null;
  /** 95 % interval of the score, for new tasks from the same source; null of fewer than two tasks. */
  readonly interval: { readonly low: number; readonly high: number } | null;
}

export function evaluationFacts(
  place: Pick<EvaluationFacts, 'step' | 'policyVersion'>,
  rows: readonly RolloutRow[],
): EvaluationFacts {
  const byTask = [...Map.groupBy(rows, ({ taskId }) => taskId).values()];
  const rewards = byTask.map((samples) => samples.flatMap((row) => rewardOf(row) ?? []));
  const means = rewards.flatMap((ofTask) => mean(ofTask) ?? []);
  const single = byTask.every((samples) => samples.length <= 1);
  const interval = meanInterval(means, single);
  return {
    ...place,
    ...{ rollouts: rows.length, rewarded: rewards.flat().length, score: mean(means) },
    interval: interval && { low: interval.low, high: interval.high },
  };
}
