import { selects } from '../../../src/api/label-selector.ts';
import { egressAllows, ingressAllows, type PolicyWorld } from './allow.ts';
import { type NetworkPolicy, parseNamespace, parsePod, parsePolicy } from './policy-objects.ts';
import { type NodeNetwork, type PodRules, rulesetText } from './ruleset-text.ts';
import { type Endpoint, endpoints, type GivenAddress } from './select.ts';

/** Raw objects of the API, as they were last seen. */
export interface PolicyObjects {
  readonly policies: readonly unknown[];
  readonly pods: readonly unknown[];
  readonly namespaces: readonly unknown[];
  /** What nodes know of their pods' addresses beside the pods' status. */
  readonly given?: readonly GivenAddress[];
}

export interface PolicyNode extends NodeNetwork {
  readonly name: string;
}

/**
 * NetworkPolicies as an nftables ruleset of one node, input of `nft -f`. Egress is judged where a
 * pod sends, ingress where a pod is reached, so only pods of this node get rules.
 *
 * The same objects give the same text. Throws `InvalidManifest` naming policy and field where a
 * policy cannot be translated: then nothing of it may be taken for enforced.
 *
 * Source of the meaning: the API reference of networking.k8s.io/v1. Two points that it leaves open:
 * ports are judged after the translation of Services, and connections that were allowed when they
 * began live on after a change.
 */
export function translate(objects: PolicyObjects, node: PolicyNode): string {
  const policies = objects.policies.map(parsePolicy);
  const world = worldOf(objects);
  for (const policy of policies) refuseUnclear(policy, world);
  const local = world.endpoints
    .filter(({ pod }) => pod.spec.nodeName === node.name)
    .toSorted((a, b) => (a.address < b.address ? -1 : 1));
  const rules = local
    .map((endpoint) => podRules(endpoint, policies, world))
    .filter(({ ingress, egress }) => ingress !== undefined || egress !== undefined);
  return rulesetText(
    node,
    rules,
    local.map(({ address }) => address),
  );
}

/** Throws what `translate` would throw for this policy in this cluster. */
export function checkPolicy(raw: unknown, world: PolicyWorld): void {
  refuseUnclear(parsePolicy(raw), world);
}

/** Pods and namespaces as rules need them. */
export function worldOf({ pods, given = [], namespaces }: PolicyObjects): PolicyWorld {
  return {
    endpoints: endpoints(pods.map(parsePod), given),
    namespaces: namespaces.map(parseNamespace),
  };
}

/** Refusals must not depend on which pods there are and where they run. */
function refuseUnclear(policy: NetworkPolicy, world: PolicyWorld): void {
  const metadata = { name: '', namespace: '' };
  ingressAllows(policy, { pod: { metadata, spec: { containers: [] } }, address: '' }, world);
  egressAllows(policy, world);
}

function podRules(
  endpoint: Endpoint,
  policies: readonly NetworkPolicy[],
  world: PolicyWorld,
): PodRules {
  const { metadata } = endpoint.pod;
  const about = policies.filter(
    (policy) =>
      policy.metadata.namespace === metadata.namespace &&
      selects(policy.spec.podSelector, metadata.labels ?? {}),
  );
  const inward = about.filter((policy) => policyTypes(policy).includes('Ingress'));
  const outward = about.filter((policy) => policyTypes(policy).includes('Egress'));
  return {
    pod: `${metadata.namespace}/${metadata.name}`,
    address: endpoint.address,
    ingress:
      inward.length === 0
        ? undefined
        : inward.flatMap((policy) => ingressAllows(policy, endpoint, world)),
    egress:
      outward.length === 0 ? undefined : outward.flatMap((policy) => egressAllows(policy, world)),
  };
}

/** The API server's default, for policies that did not pass through it. */
function policyTypes({ spec }: NetworkPolicy): readonly string[] {
  return spec.policyTypes ?? (spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
}
