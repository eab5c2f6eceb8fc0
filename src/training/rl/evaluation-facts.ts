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
  /** Their mean; null without any. */
  readonly score: number | null;
}

export function evaluationFacts(
  place: Pick<EvaluationFacts, 'step' | 'policyVersion'>,
  rows: readonly RolloutRow[],
): EvaluationFacts {
  const rewards = rows.flatMap((row) => rewardOf(row) ?? []);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const score = rewards.length === 0 ? null : mean;
  return { ...place, rollouts: rows.length, rewarded: rewards.length, score };
}
