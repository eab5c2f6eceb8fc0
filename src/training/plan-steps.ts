import type { TrainingSpec } from '../api/training-spec.ts';
import { globalBatchOf } from './global-batch.ts';

/**
 * Steps of a supervised run over so many rows, as the trainer counts them: each epoch ends with what is
 * left of a batch. An upper bound where rows are left out, which only the trainer can know.
 */
export function planSteps(hyper: TrainingSpec['hyper'], rows: number): number | undefined {
  const { epochs, maxSteps, microBatch } = hyper;
  if (epochs === undefined) return maxSteps;
  const batches = Math.ceil(rows / microBatch);
  const steps = epochs * Math.ceil(batches / (globalBatchOf(hyper) / microBatch));
  return Math.min(steps, maxSteps ?? steps);
}
