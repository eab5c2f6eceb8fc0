import { artifactDigest } from '../../../src/api/model-ref.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import type { PlanTrainingBody } from '../../../src/protocol/training-api.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import { isTrue } from '../../kube/objects/conditions.ts';
import { type Awaited, absent, awaited } from '../shared/awaited.ts';
import type { RolloutBatch, RuntimeSpec, TrainingRun } from '../shared/kinds.ts';
import type { TrainingReason } from './vocabulary.ts';

/** Why a run cannot be planned. `waits`: nobody has to do anything. */
export interface InputProblem {
  readonly reason: TrainingReason<'Planned'>;
  readonly message: string;
  readonly waits: boolean;
}

export type Resolved =
  | { readonly body: Omit<PlanTrainingBody, 'image'>; readonly problem?: undefined }
  | { readonly problem: InputProblem };

export interface Neighbours {
  readonly runs: Pick<Cache<TrainingRun>, 'get'>;
  readonly batches: Pick<Cache<RolloutBatch>, 'get'>;
}

/** Resolves the names of a run to what the server knows: digests, and uids of batches. */
export function resolveInputs(run: TrainingRun, neighbours: Neighbours): Resolved {
  const base = baseOf(run, neighbours);
  if ('problem' in base) return base;
  const data = dataOf(run, neighbours);
  if ('problem' in data) return data;
  const { name, namespace = '' } = run.metadata;
  return { body: { namespace, name, spec: run.spec, base: base.digest, ...data } };
}

type NotFound = Extract<TrainingReason<'Planned'>, 'BaseNotFound' | 'DataNotFound'>;
type Problem = { readonly problem: InputProblem };

const problem = (reason: TrainingReason<'Planned'>, message: string): Problem => ({
  problem: { reason, message, waits: false },
});

/** What is not complete is waited for, where it can still become so. */
function unfinished(reason: NotFound, { stands, message }: Awaited): Problem {
  if (stands === 'failed' || stands === 'going') {
    return problem(reason, `${message}; make a new one under this name, or name another`);
  }
  return { problem: { reason: 'Waiting', message, waits: stands === 'underWay' } };
}

function baseOf(
  { metadata, spec }: TrainingRun,
  { runs }: Neighbours,
): { readonly digest: PlanTrainingBody['base'] } | Problem {
  const { artifact, trainingRun, path } = spec.base;
  if (artifact !== undefined) return { digest: artifactDigest(artifact) };
  if (trainingRun === undefined) {
    return problem(
      'BaseNotFound',
      `spec.base.path: ${path} is a folder of one machine; import it once with: clawgym models import DIR --namespace ${metadata.namespace}, and name the digest in spec.base.artifact`,
    );
  }
  const key = { namespace: metadata.namespace ?? '', name: trainingRun.name };
  const found = runs.get(key);
  const place = 'spec.base.trainingRun';
  if (found === undefined) {
    return problem('BaseNotFound', absent(place, 'TrainingRun', key));
  }
  const digest = found.status?.model?.digest;
  if (digest === undefined || !isTrue(found.status?.conditions, 'Complete')) {
    return unfinished('BaseNotFound', awaited(place, found));
  }
  return { digest: asSha256(digest) };
}

function dataOf(
  { metadata: { namespace = '' }, spec }: TrainingRun,
  { batches }: Neighbours,
): Pick<PlanTrainingBody, 'data'> | Problem {
  if (spec.data === undefined) return {};
  const { artifact, from } = spec.data;
  if (artifact !== undefined) {
    return { data: { kind: 'artifact', digest: artifactDigest(artifact) } };
  }
  const place = 'spec.data.from.batches';
  const named: { name: string; uid: string }[] = [];
  for (const name of from?.batches ?? []) {
    const found = batches.get({ namespace, name });
    if (found === undefined) {
      return problem('DataNotFound', absent(place, 'RolloutBatch', { namespace, name }));
    }
    if (!isTrue(found.status?.conditions, 'Complete')) {
      return unfinished('DataNotFound', awaited(place, found));
    }
    named.push({ name, uid: found.metadata.uid ?? '' });
  }
  return { data: { kind: 'batches', batches: named } };
}

/** What a run asks of its runtime and does not get; undefined where it fits. */
export function unfit(
  { spec }: Pick<TrainingRun, 'spec'>,
  runtime: RuntimeSpec,
  place: string,
): InputProblem | undefined {
  const { contract, capabilities, trainer } = runtime;
  const wanted = spec.rl === undefined ? 'sft/v1' : 'rl-tokens/v1';
  const gpus = spec.trainer.gpusPerNode || trainer.gpus;
  const words = [
    contract === wanted ? '' : `its contract is ${contract}, the run needs ${wanted}`,
    capabilities.methods.includes(spec.method.type)
      ? ''
      : `spec.method.type ${spec.method.type} is not among its methods (${capabilities.methods.join(', ')})`,
    spec.context.maxTokens <= (capabilities.maxTokens ?? Number.POSITIVE_INFINITY)
      ? ''
      : `spec.context.maxTokens ${spec.context.maxTokens} is more than its ${capabilities.maxTokens}`,
    spec.trainer.nodes <= capabilities.maxNodes
      ? ''
      : `spec.trainer.nodes ${spec.trainer.nodes} is more than its ${capabilities.maxNodes}`,
    gpus <= (capabilities.maxGpusPerNode ?? Number.POSITIVE_INFINITY)
      ? ''
      : `${gpus} GPUs of each pod (${spec.trainer.gpusPerNode > 0 ? 'spec.trainer.gpusPerNode' : 'its trainer.gpus'}) are more than its maxGpusPerNode ${capabilities.maxGpusPerNode}`,
    gpus > 0 || capabilities.cpu
      ? ''
      : 'it does not train without a GPU; set spec.trainer.gpusPerNode',
  ].filter((word) => word !== '');
  if (words.length === 0) return undefined;
  const message = `${place}: ${words.join('; ')}; change the run, or name another runtime in spec.runtimeRef`;
  return { reason: 'RuntimeUnfit', message, waits: false };
}
