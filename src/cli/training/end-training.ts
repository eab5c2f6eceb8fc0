import type { Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { madeModel } from '../../training/model-records.ts';
import { openWorkStore, type WorkStore } from '../run-outputs/work-store.ts';
import type { TrainedEnd } from './trained-end.ts';

const KIND = 'TrainingRun';

/** Writes into a run's row what it made; from then on others find the model by the run's name. */
export async function endTraining(
  name: string,
  model: Sha256,
  { result, reward, evaluations }: TrainedEnd,
  { records }: WorkStore,
): Promise<void> {
  const { steps, tokens, rows, loss } = result;
  await records.endObject(KIND, name, {
    state: 'complete',
    result: madeModel(model, { steps, tokens, rows, loss, reward, evaluations }),
    endedAt: systemClock.now(),
  });
}

/** A run that was stopped, or that something else got in the way of, has not failed. */
export async function noteFailure(name: string, cause: unknown, out: string): Promise<void> {
  if (!(cause instanceof ClawError) || cause.code !== 'TrainingFailed') return;
  await using store = await openWorkStore(out);
  await store.records.endObject(KIND, name, {
    state: 'failed',
    result: canonicalJson({ reason: cause.details['reason'], message: errorMessage(cause) }),
    endedAt: systemClock.now(),
  });
}
