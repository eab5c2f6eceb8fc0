import type { RuntimeRef } from '../../../../src/api/runtime-ref.ts';
import { isForbidden, isNotFound } from '../../../kube/base/kube-error.ts';
import type { CallOptions } from '../../../kube/client/resource-client.ts';
import type { KubeClient } from '../../../kube/client/typed-client.ts';
import { clusterTrainingRuntimes, type RuntimeSpec, trainingRuntimes } from '../kinds.ts';
import type { RunReason } from '../vocabulary.ts';

export type ServingRuntime = RuntimeSpec & {
  readonly policyServer: NonNullable<RuntimeSpec['policyServer']>;
};

export interface PolicyProblem {
  readonly reason: RunReason<'ModelServed'>;
  readonly message: string;
}

const DEFAULT: RuntimeRef = { kind: 'ClusterTrainingRuntime', name: 'rl' };

/** What serves a model of ours, read live: it is asked for once a pod. Other KubeErrors pass through. */
export async function readPolicyRuntime(
  client: KubeClient,
  namespace: string,
  named: RuntimeRef | undefined,
  call: CallOptions,
): Promise<{ readonly runtime: ServingRuntime } | { readonly problem: PolicyProblem }> {
  const { kind, name } = named ?? DEFAULT;
  const ofCluster = kind === 'ClusterTrainingRuntime';
  const place = ofCluster ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
  const problem = (reason: PolicyProblem['reason'], message: string) => ({
    problem: { reason, message },
  });
  try {
    const { spec } = ofCluster
      ? await client.for(clusterTrainingRuntimes).get({ name }, call)
      : await client.for(trainingRuntimes).get({ namespace, name }, call);
    const { policyServer } = spec;
    if (policyServer !== undefined) return { runtime: { ...spec, policyServer } };
    return problem(
      'RuntimeUnsuited',
      `${place} has no policyServer (its contract is ${spec.contract}); name one of contract rl-tokens/v1 in spec.model.runtimeRef`,
    );
  } catch (thrown) {
    if (isNotFound(thrown)) {
      const how =
        named === undefined
          ? 'give the chart its image (training.runtimes.rl.image), or name another one in spec.model.runtimeRef'
          : 'create it, or name another one in spec.model.runtimeRef';
      return problem('RuntimeNotFound', `${place} does not exist; ${how}`);
    }
    if (isForbidden(thrown)) {
      return problem(
        'RuntimeForbidden',
        `the operator may not read ${place}: it serves single namespaces. Create a TrainingRuntime in namespace ${namespace} and name it in spec.model.runtimeRef with kind TrainingRuntime`,
      );
    }
    throw thrown;
  }
}
