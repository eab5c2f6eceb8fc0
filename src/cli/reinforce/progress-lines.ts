import type { EvaluationFacts } from '../../training/rl/evaluation-facts.ts';
import type { FrozenStep } from '../../training/rl/step-notes.ts';

/** `step 3/40: reward 0.42 (16 of 16 rollouts), 2 groups taken, 1 equal, 321 tokens`. */
export function stepLine(step: FrozenStep, steps: number): string {
  const { groups, rollouts, reward, trainedTokens, cutAnswers } = step;
  const left = [
    groups.noVariance > 0 ? `${groups.noVariance} equal` : '',
    groups.tooFew > 0 ? `${groups.tooFew} with too few rewards` : '',
    rollouts.withoutTokens > 0 ? `${rollouts.withoutTokens} rollouts without tokens` : '',
    cutAnswers > 0 ? `${cutAnswers} answers cut` : '',
  ].filter((part) => part !== '');
  const parts = [
    `reward ${shown(reward)} (${rollouts.rewarded} of ${rollouts.all} rollouts)`,
    `${groups.taken} groups taken`,
    ...left,
    `${trainedTokens} tokens`,
  ];
  return `step ${step.step}/${steps}: ${parts.join(', ')}\n`;
}

export function evaluationLine(facts: EvaluationFacts): string {
  return `evaluation after step ${facts.step} (policy ${facts.policyVersion}): score ${shown(facts.score)} (${facts.rewarded} of ${facts.rollouts} rollouts)\n`;
}

const shown = (value: number | null): string => (value === null ? 'none' : value.toFixed(3));
