import type { RuntimeRef } from '../../../src/api/runtime-ref.ts';
import { isForbidden, isNotFound } from '../../kube/base/kube-error.ts';
import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { clusterTrainingRuntimes, type RuntimeSpec, trainingRuntimes } from './kinds.ts';

export interface RuntimeAsk {
  /** Of whoever asks. */
  readonly namespace: string;
  readonly named: RuntimeRef | undefined;
  /** Taken where none is named: the namespace's of this name, else the cluster's. */
  readonly fallback: 'sft' | 'rl';
  /** Where a runtime is named, for people: "spec.runtimeRef". */
  readonly field: string;
}

export type RuntimeAnswer =
  /** `place`: kind and name, for people. */
  | { readonly spec: RuntimeSpec; readonly place: string; readonly problem?: undefined }
  | {
      readonly problem: {
        readonly reason: 'RuntimeNotFound' | 'RuntimeForbidden';
        readonly message: string;
      };
    };

/** A runtime, read live: it is asked for once a start. Other KubeErrors pass through. */
export async function findRuntime(
  client: KubeClient,
  ask: RuntimeAsk,
  call: CallOptions,
): Promise<RuntimeAnswer> {
  const { namespace, named, fallback } = ask;
  if (named?.kind === 'TrainingRuntime') return await ofNamespace(client, ask, named.name, call);
  if (named !== undefined) return await ofCluster(client, ask, named.name, call);
  const near = await ofNamespace(client, ask, fallback, call);
  if (near.problem === undefined) return near;
  const far = await ofCluster(client, ask, fallback, call);
  if (far.problem === undefined) return far;
  const cluster = far.problem.reason === 'RuntimeForbidden' ? '' : ', nor a ClusterTrainingRuntime';
  const message = `namespace ${namespace} has no TrainingRuntime ${fallback}${cluster}; give the chart its image (training.runtimes.${fallback}.image), create it, or name another one in ${ask.field}`;
  return { problem: { reason: 'RuntimeNotFound', message } };
}

async function ofNamespace(
  client: KubeClient,
  { namespace, field }: RuntimeAsk,
  name: string,
  call: CallOptions,
): Promise<RuntimeAnswer> {
  const place = `TrainingRuntime ${namespace}/${name}`;
  try {
    const { spec } = await client.for(trainingRuntimes).get({ namespace, name }, call);
    return { spec, place };
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    return missing(place, field);
  }
}

async function ofCluster(
  client: KubeClient,
  { namespace, field }: RuntimeAsk,
  name: string,
  call: CallOptions,
): Promise<RuntimeAnswer> {
  const place = `ClusterTrainingRuntime ${name}`;
  try {
    const { spec } = await client.for(clusterTrainingRuntimes).get({ name }, call);
    return { spec, place };
  } catch (thrown) {
    if (isNotFound(thrown)) return missing(place, field);
    if (!isForbidden(thrown)) throw thrown;
    const message = `the operator may not read ${place}: it serves single namespaces. Create a TrainingRuntime in namespace ${namespace} and name it in ${field} with kind TrainingRuntime`;
    return { problem: { reason: 'RuntimeForbidden', message } };
  }
}

const missing = (place: string, field: string): RuntimeAnswer => ({
  problem: {
    reason: 'RuntimeNotFound',
    message: `${place} does not exist; create it, or name another one in ${field}`,
  },
});
