import { z } from 'zod';
import { AUDIENCES, SANDBOX_SERVICE_ACCOUNT } from '../../protocol/pod-contract.ts';
import type { PolicyPodBody } from '../../protocol/policy-api.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import type { PolicyPod } from '../policies/policy-desk.ts';
import { lookUpPod, refuseEnded } from './look-up-pod.ts';
import type { PodReader } from './pods.ts';
import { refuse } from './refusal.ts';
import type { TokenVerifier } from './verify-token.ts';

export interface PolicyProofDeps {
  readonly tokens: TokenVerifier;
  readonly pods: PodReader;
  readonly policies: { readonly expected: (podUid: string) => PolicyPodBody | undefined };
}

/** The operator tells of a pod right after it made it, and again every few seconds. */
const TELL_SECONDS = 1;
const zAddress = z.looseObject({ podIP: z.string().optional() });

/**
 * The pod whose token this is, where the operator made it to serve a model (design: cluster.md 11). A
 * pod that it has not told of may only wait.
 */
export async function provePolicyPod(
  authorization: string | undefined,
  { tokens, pods, policies }: PolicyProofDeps,
): Promise<PolicyPod | NoClaim> {
  const identity = await tokens.verify(authorization, {
    audience: AUDIENCES.policy,
    serviceAccount: SANDBOX_SERVICE_ACCOUNT,
  });
  const pod = await lookUpPod(identity, pods);
  refuseEnded(pod);
  const { name, uid: podUid = '', ownerReferences } = pod.metadata;
  const expected = policies.expected(podUid);
  if (expected === undefined) {
    const reason = `the operator has not told of pod ${name} yet`;
    return { decision: 'wait', reason, retryAfterSeconds: TELL_SECONDS };
  }
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  if (expected.namespace !== identity.namespace) throw refuse('ForeignNamespace', name);
  if (owner?.uid !== expected.owner) throw refuse('ForeignOwner', name);
  return { podUid, podIP: zAddress.safeParse(pod.status ?? {}).data?.podIP };
}
