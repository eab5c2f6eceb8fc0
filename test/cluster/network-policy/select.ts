import { selects } from '../../../src/api/label-selector.ts';
import type { PolicyNamespace, PolicyPeer, PolicyPod } from './policy-objects.ts';

/** A pod with an address of its own that is, or may soon be, in use. */
export interface Endpoint {
  readonly pod: PolicyPod;
  readonly address: string;
}

/** An address that a node gave to a pod; the API server hears of it a second or two later. */
export interface GivenAddress {
  readonly podUid: string;
  readonly address: string;
}

/**
 * Pods that policies are about. Those on the host's network have no address of their own, and an
 * ended pod's address may belong to another one already.
 */
export function endpoints(pods: readonly PolicyPod[], given: readonly GivenAddress[]): Endpoint[] {
  const early = new Map<string, string[]>();
  for (const { podUid, address } of given)
    early.set(podUid, [...(early.get(podUid) ?? []), address]);
  return pods.flatMap((pod) => {
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (ended || pod.spec.hostNetwork === true) return [];
    const own = (pod.status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => !ip.includes(':'));
    const all = new Set([...own, ...(early.get(pod.metadata.uid ?? '') ?? [])]);
    return [...all].map((address) => ({ pod, address }));
  });
}

/** Pods of a peer that is not an address block. */
export function peerEndpoints(
  peer: PolicyPeer,
  policyNamespace: string,
  world: {
    readonly endpoints: readonly Endpoint[];
    readonly namespaces: readonly PolicyNamespace[];
  },
): Endpoint[] {
  const { namespaceSelector, podSelector } = peer;
  const inside =
    namespaceSelector === undefined
      ? new Set([policyNamespace])
      : new Set(
          world.namespaces
            .filter(({ metadata }) => selects(namespaceSelector, metadata.labels ?? {}))
            .map(({ metadata }) => metadata.name),
        );
  return world.endpoints.filter(
    ({ pod: { metadata } }) =>
      inside.has(metadata.namespace) && selects(podSelector ?? {}, metadata.labels ?? {}),
  );
}

/** Numbers of a named port in a pod; init containers can be sidecars. */
export function namedPorts(pod: PolicyPod, name: string, protocol: string): number[] {
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
    .flatMap(({ ports }) => ports ?? [])
    .filter((port) => port.name === name && port.protocol === protocol)
    .map(({ containerPort }) => containerPort);
}
