import type { TrainingSpec } from '../../api/training-spec.ts';
import { type ModelRecord, zModelRecord } from '../../training/model-manifest.ts';
import type { FrozenInputs } from '../../training/training-inputs.ts';
import type { SupervisedEnd } from './train-supervised.ts';

/** Where a trained model comes from: what decided it, without names of this machine. */
export function modelRecord(
  name: string,
  { seed }: TrainingSpec,
  { spec, result }: SupervisedEnd,
  { base, data }: FrozenInputs,
): ModelRecord {
  const { run: _run, name: _name, device: _device, contract, ...hyper } = spec;
  return zModelRecord.parse({
    run: name,
    contract,
    data,
    versions: result.versions,
    hyper,
    seed,
    steps: result.steps,
    tokens: result.tokens,
    parents: [base],
    canary: result.canary,
  });
}
