import { blockText, contains, isIpv6Block, parseIpv4Block } from './ipv4-block.ts';
import {
  type NetworkPolicy,
  type PolicyNamespace,
  type PolicyPeer,
  type PolicyPort,
  refusal,
} from './policy-objects.ts';
import { type Endpoint, namedPorts, peerEndpoints } from './select.ts';

/** One thing that is allowed: traffic with these addresses at the far end and these ports. */
export interface Allow {
  readonly far: FarEnd;
  readonly ports: PortRange | 'any' | 'all-protocols';
  /** Lower case; undefined with `all-protocols`. */
  readonly protocol: string | undefined;
}

export type FarEnd =
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'pods'; readonly addresses: readonly string[] }
  | { readonly kind: 'block'; readonly cidr: string; readonly except: readonly string[] };

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Pods and namespaces of the cluster. */
export interface PolicyWorld {
  readonly endpoints: readonly Endpoint[];
  readonly namespaces: readonly PolicyNamespace[];
}

/** One rule of a policy and where it stands, for messages: `spec.egress[0]`. */
interface Rule {
  readonly policy: NetworkPolicy;
  readonly field: string;
  readonly peers: readonly PolicyPeer[] | undefined;
  /** `from` or `to`. */
  readonly side: string;
  readonly ports: readonly PolicyPort[] | undefined;
}

/** What a policy lets reach a pod. */
export function ingressAllows(
  policy: NetworkPolicy,
  target: Endpoint,
  world: PolicyWorld,
): Allow[] {
  return (policy.spec.ingress ?? []).flatMap(({ from, ports }, index) => {
    const rule = { policy, field: `spec.ingress[${index}]`, peers: from, side: 'from', ports };
    const ends = farEnds(rule, world);
    return portList(rule).flatMap(({ port, field }) =>
      typeof port?.port === 'string'
        ? ranges(namedPorts(target.pod, port.port, port.protocol)).flatMap((range) =>
            ends.map((far) => allow(far, port, range)),
          )
        : ends.map((far) => allow(far, port, numericPort(rule, port, field))),
    );
  });
}

/** What a policy lets its pods reach. */
export function egressAllows(policy: NetworkPolicy, world: PolicyWorld): Allow[] {
  return (policy.spec.egress ?? []).flatMap(({ to, ports }, index) => {
    const rule = { policy, field: `spec.egress[${index}]`, peers: to, side: 'to', ports };
    return portList(rule).flatMap(({ port, field }) =>
      typeof port?.port === 'string'
        ? namedEgress(rule, { ...port, port: port.port }, world)
        : farEnds(rule, world).map((far) => allow(far, port, numericPort(rule, port, field))),
    );
  });
}

/** A named port of the far end: each pod there has its own number for it. */
function namedEgress(
  rule: Rule,
  port: PolicyPort & { readonly port: string },
  world: PolicyWorld,
): Allow[] {
  const { policy, peers, field, side } = rule;
  const block = (peers ?? []).findIndex(({ ipBlock }) => ipBlock !== undefined);
  if (block >= 0)
    throw refusal(
      policy.metadata,
      `${field}.${side}[${block}].ipBlock`,
      `a block of addresses has no port named ${port.port}: give its number`,
    );
  const far =
    peers === undefined || peers.length === 0
      ? world.endpoints
      : peers.flatMap((peer) => peerEndpoints(peer, policy.metadata.namespace, world));
  const byNumber = new Map<number, string[]>();
  for (const { pod, address } of far)
    for (const number of namedPorts(pod, port.port, port.protocol))
      byNumber.set(number, [...(byNumber.get(number) ?? []), address]);
  return [...byNumber].map(([number, addresses]) =>
    allow({ kind: 'pods', addresses }, port, { from: number, to: number }),
  );
}

function farEnds(rule: Rule, world: PolicyWorld): FarEnd[] {
  const { peers, policy, field, side } = rule;
  if (peers === undefined || peers.length === 0) return [{ kind: 'anywhere' }];
  const blocks: FarEnd[] = [];
  const addresses: string[] = [];
  for (const [index, peer] of peers.entries()) {
    const place = `${field}.${side}[${index}]`;
    const selecting = peer.podSelector !== undefined || peer.namespaceSelector !== undefined;
    if (selecting === (peer.ipBlock !== undefined))
      throw refusal(policy.metadata, place, 'a peer has either selectors or an ipBlock');
    if (peer.ipBlock === undefined)
      addresses.push(
        ...peerEndpoints(peer, policy.metadata.namespace, world).map(({ address }) => address),
      );
    else blocks.push(...blockEnd(policy, `${place}.ipBlock`, peer.ipBlock));
  }
  return addresses.length === 0 ? blocks : [...blocks, { kind: 'pods', addresses }];
}

/** Nothing for IPv6: the cluster has none, all of it is dropped. */
function blockEnd(
  policy: NetworkPolicy,
  place: string,
  { cidr, except = [] }: NonNullable<PolicyPeer['ipBlock']>,
): FarEnd[] {
  if (isIpv6Block(cidr)) return [];
  const block = parseIpv4Block(cidr);
  if (block === undefined)
    throw refusal(policy.metadata, `${place}.cidr`, `${cidr} is not a block such as 10.0.0.0/8`);
  const holes = except.map((text, index) => {
    const hole = parseIpv4Block(text);
    if (hole === undefined || !contains(block, hole))
      throw refusal(policy.metadata, `${place}.except[${index}]`, `${text} is not within ${cidr}`);
    return blockText(hole);
  });
  return [{ kind: 'block', cidr: blockText(block), except: holes }];
}

interface PlacedPort {
  readonly port: PolicyPort | undefined;
  readonly field: string;
}

function portList({ policy, ports, field }: Rule): PlacedPort[] {
  if (ports === undefined || ports.length === 0) return [{ port: undefined, field }];
  return ports.map((port, index) => {
    const place = `${field}.ports[${index}]`;
    if (port.endPort !== undefined && typeof port.port !== 'number')
      throw refusal(policy.metadata, `${place}.endPort`, 'needs a numeric port beside it');
    return { port, field: place };
  });
}

function numericPort(
  { policy }: Rule,
  port: PolicyPort | undefined,
  field: string,
): Allow['ports'] {
  if (port === undefined) return 'all-protocols';
  if (typeof port.port !== 'number') return 'any';
  const to = port.endPort ?? port.port;
  if (to < port.port)
    throw refusal(policy.metadata, `${field}.endPort`, `${to} is below port ${port.port}`);
  return { from: port.port, to };
}

function allow(far: FarEnd, port: PolicyPort | undefined, ports: Allow['ports']): Allow {
  return { far, ports, protocol: port?.protocol.toLowerCase() };
}

function ranges(numbers: readonly number[]): PortRange[] {
  return numbers.map((number) => ({ from: number, to: number }));
}
