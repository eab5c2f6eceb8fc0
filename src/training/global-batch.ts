import type { TrainingSpec } from '../api/training-spec.ts';

const USUAL_ROWS = 8;

/** Rows of one optimizer step of a supervised run; a multiple of `microBatch`. */
export function globalBatchOf({
  globalBatch,
  microBatch,
}: Pick<TrainingSpec['hyper'], 'globalBatch' | 'microBatch'>): number {
  return globalBatch ?? microBatch * Math.ceil(USUAL_ROWS / microBatch);
}
