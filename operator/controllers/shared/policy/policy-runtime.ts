import type { RuntimeRef } from '../../../../src/api/runtime-ref.ts';
import type { CallOptions } from '../../../kube/client/resource-client.ts';
import type { KubeClient } from '../../../kube/client/typed-client.ts';
import { findRuntime } from '../find-runtime.ts';
import type { RuntimeSpec } from '../kinds.ts';
import type { RunReason } from '../vocabulary.ts';

export type ServingRuntime = RuntimeSpec & {
  readonly policyServer: NonNullable<RuntimeSpec['policyServer']>;
};

export interface PolicyProblem {
  readonly reason: RunReason<'ModelServed'>;
  readonly message: string;
}

const FIELD = 'spec.model.runtimeRef';

/** What serves a model of ours, read live: it is asked for once a pod. KubeErrors pass through. */
export async function readPolicyRuntime(
  client: KubeClient,
  namespace: string,
  named: RuntimeRef | undefined,
  call: CallOptions,
): Promise<{ readonly runtime: ServingRuntime } | { readonly problem: PolicyProblem }> {
  const found = await findRuntime(client, { namespace, named, fallback: 'rl', field: FIELD }, call);
  if (found.problem !== undefined) return { problem: found.problem };
  const { spec, place } = found;
  const { policyServer, contract } = spec;
  if (policyServer !== undefined) return { runtime: { ...spec, policyServer } };
  const message = `${place} has no policyServer (its contract is ${contract}); name one of contract rl-tokens/v1 in ${FIELD}`;
  return { problem: { reason: 'RuntimeUnsuited', message } };
}
