import type { EvaluationResult } from '../api/evaluation-result.ts';
import type { Sha256 } from '../base/brand.ts';
import { type ModelRecord, zModelRecord } from './model-manifest.ts';
import type { TrainingDone } from './result.ts';
import type { RunSpec } from './run-spec.ts';

/** Evaluations that a record keeps: the newest ones. A manifest has its bounds. */
export const KEPT_EVALUATIONS = 4096;

/** A run whose trainer is done, and what it began with. */
export interface FinishedTraining {
  /** Name of the TrainingRun. */
  readonly name: string;
  readonly spec: RunSpec;
  readonly result: TrainingDone;
  readonly base: Sha256;
  /** Manifest of the export; absent for reinforcement. */
  readonly data: Sha256 | undefined;
  /** Reinforcement only. */
  readonly taskSet?: Sha256 | undefined;
  /** Digests of those of its tasks that a step drew; reinforcement only. */
  readonly tasks?: readonly Sha256[] | undefined;
  /** What its evaluations found, the newest one last; reinforcement only. */
  readonly evaluations?: readonly EvaluationResult[] | undefined;
  /** Of the trainer, by digest; absent on a machine that trains with its own. */
  readonly image?: string | undefined;
}

/** Where a trained model comes from: what decided it, without addresses of the machine. */
export function modelRecord(run: FinishedTraining): ModelRecord {
  const { name, spec, result, base, data, taskSet, tasks, image } = run;
  const evaluations = run.evaluations?.slice(-KEPT_EVALUATIONS) ?? [];
  return zModelRecord.parse({
    run: name,
    contract: spec.contract,
    data,
    taskSet,
    tasks,
    image,
    versions: result.versions,
    hyper: hyperOf(spec),
    seed: spec.seed,
    steps: result.steps,
    tokens: result.tokens,
    ...(evaluations.length > 0 && { evaluations }),
    parents: [base],
    canary: result.canary,
  });
}

function hyperOf({ method, context, hyper, deterministic, rl }: RunSpec): object {
  const common = { method, context, hyper, deterministic };
  return rl === undefined
    ? common
    : { ...common, rl: { steps: rl.steps, algorithm: rl.algorithm } };
}
