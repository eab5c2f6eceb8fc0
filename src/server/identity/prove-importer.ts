import type { ExpectImportBody } from '../../protocol/operator-api.ts';
import { AUDIENCES, SANDBOX_SERVICE_ACCOUNT } from '../../protocol/pod-contract.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import { lookUpPod, refuseEnded } from './look-up-pod.ts';
import type { PodReader } from './pods.ts';
import { refuse } from './refusal.ts';
import type { TokenVerifier } from './verify-token.ts';

export interface ImporterProofDeps {
  readonly tokens: TokenVerifier;
  readonly pods: PodReader;
  readonly imports: { readonly expected: (podUid: string) => ExpectImportBody | undefined };
}

/** The operator tells a pod's uid right after it made the pod, and again every few seconds. */
const TELL_SECONDS = 1;

/**
 * The uid of the pod whose token this is, where the operator made that pod to read tasks for a batch
 * (design: cluster.md 9). A pod that it has not told of may only wait.
 */
export async function proveImporter(
  authorization: string | undefined,
  { tokens, pods, imports }: ImporterProofDeps,
): Promise<{ readonly podUid: string } | NoClaim> {
  const identity = await tokens.verify(authorization, {
    audience: AUDIENCES.import,
    serviceAccount: SANDBOX_SERVICE_ACCOUNT,
  });
  const pod = await lookUpPod(identity, pods);
  refuseEnded(pod);
  const { name, uid: podUid = '', ownerReferences } = pod.metadata;
  const expected = imports.expected(podUid);
  if (expected === undefined) {
    const reason = `the operator has not told of pod ${name} yet`;
    return { decision: 'wait', reason, retryAfterSeconds: TELL_SECONDS };
  }
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  if (expected.namespace !== identity.namespace) throw refuse('ForeignNamespace', name);
  if (owner?.uid !== expected.batchUid) throw refuse('ForeignOwner', name);
  return { podUid };
}
