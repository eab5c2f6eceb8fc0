import type { Check, Score } from '../rollouts/outcome.ts';

/** The two code scores of one verification. */
export interface CodeScore {
  /** Mean of all values, bit-compatible with the reference; not clamped there, so not here. */
  readonly flat: number;
  /** The author's own `reward` where the verifier gives one, else the same mean; in [0, 1]. */
  readonly native: number;
}

/** Which of the two enters the final score; `native` unless the run asks for comparability. */
export type CodeScoreChoice = 'native' | 'flat';

/** Relative weights as decimal strings, as tasks hold them. */
export interface ScoreWeights {
  readonly code: string;
  readonly rubric: string;
}

/** The five marks that a rubric judge may give (paper, section on rubrics). */
export const RUBRIC_ANCHORS = [0, 0.25, 0.5, 0.75, 1] as const;
export type RubricAnchor = (typeof RUBRIC_ANCHORS)[number];

export function isRubricAnchor(value: number): value is RubricAnchor {
  return RUBRIC_ANCHORS.some((anchor) => anchor === value);
}

/** Into [0, 1]; NaN becomes 0. */
export function clampScore(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, value));
}

/**
 * Left-to-right naive double sum divided by the count: the reference's mean under Python < 3.12.
 * Undefined for no checks.
 */
export function flatScore(checks: readonly Check[]): number | undefined {
  if (checks.length === 0) return undefined;
  let sum = 0;
  for (const check of checks) sum += check.value;
  return sum / checks.length;
}

/** One judged rule: its mark and its relative weight as a decimal string. */
export interface RubricMark {
  readonly value: RubricAnchor;
  readonly weight: string;
}

/** Weighted mean of rule marks; undefined where there is no rule of positive weight. */
export function rubricScore(marks: readonly RubricMark[]): number | undefined {
  return weightedMean(marks.map((mark) => ({ value: mark.value, weight: Number(mark.weight) })));
}

/**
 * The score of one verification. `final` weighs code and rubric by the task's weights where both
 * exist, else it is the one that exists (ClawGym: 0.7 and 0.3), and null where neither does.
 */
export function combineScore(
  code: CodeScore | undefined,
  rubric: number | undefined,
  weights: ScoreWeights,
  choice: CodeScoreChoice = 'native',
): Score {
  return {
    flat: code?.flat ?? null,
    native: code?.native ?? null,
    rubric: rubric === undefined ? null : clampScore(rubric),
    final: finalScore(code && clampScore(code[choice]), rubric, weights),
  };
}

function finalScore(
  code: number | undefined,
  rubric: number | undefined,
  weights: ScoreWeights,
): number | null {
  const halves = [
    { value: code, weight: Number(weights.code) },
    {
      value: rubric === undefined ? undefined : clampScore(rubric),
      weight: Number(weights.rubric),
    },
  ].flatMap(({ value, weight }) => (value === undefined ? [] : [{ value, weight }]));
  const only = halves.length === 1 ? halves[0] : undefined;
  return only?.value ?? weightedMean(halves) ?? null;
}

/** The weights are normalised by their sum, so "0.7"/"0.3" and "7"/"3" are the same. */
function weightedMean(
  parts: readonly { readonly value: number; readonly weight: number }[],
): number | undefined {
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  if (!(total > 0)) return undefined;
  return clampScore(parts.reduce((sum, part) => sum + part.value * part.weight, 0) / total);
}
