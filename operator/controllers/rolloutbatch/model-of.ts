import { artifactDigest } from '../../../src/api/model-ref.ts';
import { trainingRun } from '../../../src/api/training-run.ts';
import type { BatchState } from '../../../src/protocol/operator-api.ts';
import { isNotFound } from '../../kube/base/kube-error.ts';
import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { isTrue } from '../../kube/objects/conditions.ts';
import { controllerOf } from '../../kube/objects/owner-references.ts';
import { absent, awaited } from '../shared/awaited.ts';
import { type BatchSpec, type RolloutBatch, trainingRuns } from '../shared/kinds.ts';
import type { PolicyWanted } from '../shared/policy/policy-pods.ts';
import type { Hindrance } from './status-input.ts';

export type ResolvedModel =
  | { readonly spec: BatchSpec; readonly hindrance?: undefined }
  | { readonly hindrance: Hindrance };

/**
 * The spec as the server is told it: a model that is named by its TrainingRun becomes the artifact that the
 * run ended with, which is frozen with the plan. Read live, for what is read is frozen.
 */
export async function resolveModel(
  client: KubeClient,
  { metadata: { namespace = '' }, spec }: RolloutBatch,
  state: BatchState | undefined,
  call: CallOptions,
): Promise<ResolvedModel> {
  const { model } = spec;
  if (model?.trainingRun === undefined) return { spec };
  const { trainingRun, ...rest } = model;
  const frozen = (digest: string): ResolvedModel => ({
    spec: { ...spec, model: { ...rest, artifact: `sha256:${digest}` } },
  });
  if (state?.model !== undefined) return frozen(state.model);
  const place = 'spec.model.trainingRun';
  const missing = (message: string): ResolvedModel => ({
    hindrance: { kind: 'planning', reason: 'ModelNotFound', message },
  });
  const key = { namespace, name: trainingRun.name };
  try {
    const run = await client.for(trainingRuns).get(key, call);
    const digest = run.status?.model?.digest;
    if (digest !== undefined && isTrue(run.status?.conditions, 'Complete')) return frozen(digest);
    const { stands, message } = awaited(place, run);
    if (stands === 'failed' || stands === 'going')
      return missing(`${message}; make a new one under this name, or name another model`);
    const waits = { kind: 'waiting', reason: 'WaitingForModel' } as const;
    return { hindrance: { ...waits, message, held: stands === 'held' } };
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    return missing(absent(place, 'TrainingRun', key));
  }
}

/** The model of ours that agents of the batch still have something to ask of; undefined where none is. */
export function policyWanted(
  { spec: { model } }: RolloutBatch,
  state: BatchState,
  running: boolean,
): PolicyWanted | undefined {
  if (model === undefined) return undefined;
  const { artifact } = model;
  const digest = state.model ?? (artifact === undefined ? undefined : artifactDigest(artifact));
  const needed = state.active > 0 || (running && state.pending > 0);
  if (digest === undefined || !needed) return undefined;
  return { model: digest, version: 0, name: model.name, runtimeRef: model.runtimeRef };
}

/** True for the batches of a reinforcement run, which has one policy pod for all of them. */
export const hasLentModel = (batch: RolloutBatch): boolean =>
  controllerOf(batch)?.kind === trainingRun.kind;

export const hasOwnModel = ({ spec: { model } }: RolloutBatch): boolean =>
  model?.artifact !== undefined || model?.trainingRun !== undefined;
