import type { PodReader, SandboxPod } from './pods.ts';
import { refuse } from './refusal.ts';
import type { TokenIdentity } from './verify-token.ts';

/** The pod that a token names, as it is now. Throws `Forbidden` where it is none, gone or another. */
export async function lookUpPod(identity: TokenIdentity, pods: PodReader): Promise<SandboxPod> {
  const { namespace, pod: named } = identity;
  if (named === undefined) throw refuse('NotOfAPod');
  const pod = await pods.get(namespace, named.name);
  const place = `${namespace}/${named.name}`;
  // A token outlives its pod by some seconds for the API server, and by its whole life for a JWKS.
  if (pod === undefined) throw refuse('PodGone', place);
  if (pod.metadata.uid !== named.uid) throw refuse('PodReplaced', place);
  return pod;
}

/** Throws `Forbidden` for a pod that is being deleted or has ended. */
export function refuseEnded(pod: SandboxPod): void {
  const { name, deletionTimestamp } = pod.metadata;
  const phase = pod.status?.phase;
  if (deletionTimestamp !== undefined) throw refuse('PodTerminating', name);
  if (phase === 'Succeeded' || phase === 'Failed') throw refuse('PodEnded', name);
}
