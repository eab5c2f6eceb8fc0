import type { TrainingSpec } from '../../api/training-spec.ts';
import { type ModelRecord, zModelRecord } from '../../training/model-manifest.ts';
import type { RunSpec } from '../../training/run-spec.ts';
import type { BegunTraining } from './begin-training.ts';
import type { TrainedEnd } from './trained-end.ts';

/** Where a trained model comes from: what decided it, without names and addresses of this machine. */
export function modelRecord(
  name: string,
  { seed }: TrainingSpec,
  { spec, result, taskSet, tasks }: TrainedEnd,
  { base, data }: Pick<BegunTraining, 'base' | 'data'>,
): ModelRecord {
  return zModelRecord.parse({
    run: name,
    contract: spec.contract,
    data,
    taskSet,
    tasks,
    versions: result.versions,
    hyper: hyperOf(spec),
    seed,
    steps: result.steps,
    tokens: result.tokens,
    parents: [base.digest],
    canary: result.canary,
  });
}

function hyperOf({ method, context, hyper, deterministic, rl }: RunSpec): object {
  const common = { method, context, hyper, deterministic };
  return rl === undefined
    ? common
    : { ...common, rl: { steps: rl.steps, algorithm: rl.algorithm } };
}
