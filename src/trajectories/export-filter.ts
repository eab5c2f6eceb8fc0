import { isAgentResult, type Outcome } from '../rollouts/outcome.ts';

/** Which rollouts an export takes. */
export interface ExportFilter {
  /** Outcomes that are taken; each must be an agent's result, never missing data. */
  readonly outcomes: readonly Outcome[];
  /** Least score, in [0, 1]. */
  readonly minScore: number;
}

/**
 * Finished work with half of its points or more: what the reference keeps for supervised training
 * (arXiv 2604.26904).
 */
export const DEFAULT_EXPORT_FILTER: ExportFilter = { outcomes: ['scored'], minScore: 0.5 };

/** Why a rollout is not in an export. */
export type Exclusion =
  | 'undecided'
  | 'missingData'
  | 'outcome'
  | 'noScore'
  | 'score'
  | 'noCalls'
  | 'tooLarge';

/** Undefined where the rollout is taken. */
export function exclusion(
  decision: { readonly outcome: Outcome; readonly score: number | null } | undefined,
  filter: ExportFilter,
): Exclusion | undefined {
  if (decision === undefined) return 'undecided';
  if (!isAgentResult(decision.outcome)) return 'missingData';
  if (!filter.outcomes.includes(decision.outcome)) return 'outcome';
  if (decision.score === null) return 'noScore';
  return decision.score < filter.minScore ? 'score' : undefined;
}
