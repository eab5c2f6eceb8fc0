import { z } from 'zod';
import { parseJson } from '../base/brand.ts';

/** A number, or what JSON has no number for: "nan", "inf". */
const zNumber = z.union([z.number(), z.string(), z.null()]).optional();

/** One step as `metrics.jsonl` tells it; further numbers are the trainer's own. */
const zStep = z.looseObject({
  step: z.int().min(0),
  totalSteps: z.int().min(1).optional(),
  loss: zNumber,
  reward: zNumber,
  tokens: z.number().min(0).optional(),
  tokensPerSecond: zNumber,
});

/** Newest step of a run. Numbers that are none are left out. */
export interface TrainingMetrics {
  readonly step: number;
  readonly totalSteps: number | undefined;
  readonly loss: number | undefined;
  readonly reward: number | undefined;
  /** Trained tokens since the run began. */
  readonly tokens: number | undefined;
  readonly tokensPerSecond: number | undefined;
}

/**
 * The newest step of a `metrics.jsonl`, or of the end of one: lines that are cut, or no step, are passed
 * over, for the trainer may be writing. Undefined where there is none yet.
 */
export function newestMetrics(text: string): TrainingMetrics | undefined {
  for (const line of text.split('\n').toReversed()) {
    const row = stepOf(line);
    if (row !== undefined) return row;
  }
  return undefined;
}

function stepOf(line: string): TrainingMetrics | undefined {
  if (!line.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = parseJson(line);
  } catch {
    return undefined;
  }
  const { data } = zStep.safeParse(value);
  if (data === undefined) return undefined;
  return {
    step: data.step,
    totalSteps: data.totalSteps,
    loss: numberOf(data.loss),
    reward: numberOf(data.reward),
    tokens: data.tokens,
    tokensPerSecond: numberOf(data.tokensPerSecond),
  };
}

const numberOf = (value: string | number | null | undefined): number | undefined =>
  typeof value === 'number' ? value : undefined;
