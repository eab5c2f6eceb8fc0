import { isForbidden, isNotFound } from '../../kube/base/kube-error.ts';
import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import {
  clusterTrainingRuntimes,
  type RuntimeSpec,
  type TrainingRun,
  trainingRuntimes,
} from '../shared/kinds.ts';
import { type InputProblem, unfit } from './inputs.ts';

export type FoundRuntime =
  | { readonly spec: RuntimeSpec; readonly problem?: undefined }
  | { readonly problem: InputProblem };

/** The runtime of a run, read live: it is asked for once a start. Other KubeErrors pass through. */
export async function readRuntime(
  client: KubeClient,
  run: TrainingRun,
  call: CallOptions,
): Promise<FoundRuntime> {
  const { namespace } = run.metadata;
  const named = run.spec.runtimeRef;
  const name = named?.name ?? (run.spec.rl === undefined ? 'sft' : 'rl');
  const ofCluster = named?.kind !== 'TrainingRuntime';
  const place = ofCluster
    ? `ClusterTrainingRuntime ${name}`
    : `TrainingRuntime ${namespace}/${name}`;
  try {
    const found = ofCluster
      ? await client.for(clusterTrainingRuntimes).get({ name }, call)
      : await client.for(trainingRuntimes).get({ namespace, name }, call);
    const problem = unfit(run, found.spec, place);
    return problem === undefined ? { spec: found.spec } : { problem };
  } catch (thrown) {
    if (isNotFound(thrown)) return { problem: missing(place, name, ofCluster) };
    if (isForbidden(thrown)) return { problem: forbidden(place, namespace) };
    throw thrown;
  }
}

function missing(place: string, name: string, ofCluster: boolean): InputProblem {
  const isDefault = ofCluster && (name === 'sft' || name === 'rl');
  const how = isDefault
    ? `give the chart its image (training.runtimes.${name}.image), or name another one in spec.runtimeRef`
    : 'create it, or name another one in spec.runtimeRef';
  return { reason: 'RuntimeNotFound', message: `${place} does not exist; ${how}`, waits: false };
}

function forbidden(place: string, namespace: string | undefined): InputProblem {
  const message =
    `the operator may not read ${place}: it serves single namespaces. Create a TrainingRuntime in ` +
    `namespace ${namespace} and name it in spec.runtimeRef with kind TrainingRuntime`;
  return { reason: 'RuntimeForbidden', message, waits: false };
}
