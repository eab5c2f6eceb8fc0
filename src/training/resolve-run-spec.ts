import type { TrainingSpec } from '../api/training-spec.ts';
import { globalBatchOf } from './global-batch.ts';
import { type RunSpec, zRunSpec } from './run-spec.ts';

/** What a run adds to its object's spec. */
export interface RunFacts {
  /** Unique in its store; batches and folders are named after it. */
  readonly run: string;
  readonly name: string;
  readonly device: RunSpec['device'];
  /** Where the trainer gets its batches; for reinforcement only. */
  readonly batches?: { readonly url: string; readonly tokenFile?: string } | undefined;
}

const DEFAULT_RANK = 32;
const DEFAULT_EVERY = 50;
const DEFAULT_MASK: [string, string] = ['0.5', '5.0'];

/** The contract that a spec asks for. */
export const contractOf = ({ rl }: Pick<TrainingSpec, 'rl'>): RunSpec['contract'] =>
  rl === undefined ? 'sft/v1' : 'rl-tokens/v1';

/** The RUN_SPEC of a run: every default is filled in, so that it says what was done. */
export function resolveRunSpec(spec: TrainingSpec, facts: RunFacts): RunSpec {
  return zRunSpec.parse({
    contract: contractOf(spec),
    run: facts.run,
    name: facts.name,
    seed: spec.seed,
    device: facts.device,
    deterministic: spec.deterministic,
    method: methodOf(spec.method),
    context: spec.context,
    ...(spec.rl === undefined
      ? supervisedOf(spec)
      : { hyper: spec.hyper, checkpoint: spec.checkpoint }),
    ...(spec.rl && { rl: reinforcementOf(spec.rl, facts.batches) }),
  });
}

/** What reinforcement has not: there a step takes its whole batch, and has its checkpoint. */
function supervisedOf({ hyper, checkpoint }: TrainingSpec): object {
  const { everySteps = DEFAULT_EVERY, ...rest } = checkpoint;
  return {
    hyper: { ...hyper, globalBatch: globalBatchOf(hyper) },
    checkpoint: { everySteps, ...rest },
  };
}

function methodOf({ type, rank = DEFAULT_RANK, alpha, targets }: TrainingSpec['method']): unknown {
  if (type === 'full') return { type };
  return { type, rank, alpha: alpha ?? rank, targets: targets ?? 'all-linear' };
}

function reinforcementOf(
  { steps, algorithm, sampling }: NonNullable<TrainingSpec['rl']>,
  batches: RunFacts['batches'],
): unknown {
  const { temperature, topP } = sampling;
  // Which answers are trained is decided where batches are made.
  const { tokenMask = DEFAULT_MASK, cutAnswers: _cut, ...loss } = algorithm;
  return { steps, algorithm: { ...loss, tokenMask, temperature, topP }, batches };
}
