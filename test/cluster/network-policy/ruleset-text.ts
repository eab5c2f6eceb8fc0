import type { Allow, PortRange } from './allow.ts';

/** The rules of one pod in one direction; undefined where no policy selects it there. */
export interface PodRules {
  /** `namespace/name`. */
  readonly pod: string;
  readonly address: string;
  readonly ingress: readonly Allow[] | undefined;
  readonly egress: readonly Allow[] | undefined;
}

/** What the ruleset of a node depends on beside the policies. */
export interface NodeNetwork {
  /** Addresses of the node's pods, CIDR. */
  readonly podSubnet: string;
  /** Name of the bridge that the node's pods hang on. */
  readonly bridge: string;
}

const TABLE = 'inet clawgym_network_policy';
/** Fails at once at the caller, and unlike a closed port: EHOSTUNREACH. */
const REFUSE = 'counter reject with icmpx admin-prohibited';

/**
 * The whole ruleset of a node as input of `nft -f`, which takes it as one transaction: there is no
 * moment without rules or with half of them.
 *
 * Forwarded packets are those between pods (also of one node: the bridge passes them through these
 * hooks) and between pods and the world, after the translation of Services. Input is what a pod
 * sends to its own node. What the node itself sends to its pods passes neither: probes always work.
 */
export function rulesetText(
  network: NodeNetwork,
  pods: readonly PodRules[],
  known: readonly string[],
): string {
  const sets = new AddressSets();
  const chains = pods.map((pod, index) => podChains(pod, index + 1, sets));
  const egress = vmap(pods, 'egress');
  const ingress = vmap(pods, 'ingress');
  const jump = (field: string, map: string | undefined) =>
    map === undefined ? [] : [`    ip ${field} vmap { ${map} }`];
  const unknown = (field: string) =>
    `    ip ${field} ${network.podSubnet} ip ${field} != @known drop`;
  return [
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    ...addressSet('known', known),
    ...sets.text(),
    '  chain forward {',
    '    type filter hook forward priority filter; policy accept;',
    '    ct state established,related accept',
    '    # The cluster has no IPv6: what pods send are link-local addresses, past every policy.',
    '    meta nfproto ipv6 drop',
    '    # A pod whose address is not known yet cannot be judged. A dropped packet is sent again.',
    unknown('saddr'),
    unknown('daddr'),
    ...jump('saddr', egress),
    ...jump('daddr', ingress),
    '  }',
    '  chain input {',
    '    type filter hook input priority filter; policy accept;',
    '    ct state established,related accept',
    '    iifname lo accept',
    `    iifname "${network.bridge}" meta nfproto ipv6 drop`,
    unknown('saddr'),
    ...jump('saddr', egress),
    '  }',
    ...chains.flat(),
    '}',
    '',
  ].join('\n');
}

function vmap(pods: readonly PodRules[], direction: 'ingress' | 'egress'): string | undefined {
  const entries = pods.flatMap((pod, index) =>
    pod[direction] === undefined ? [] : [`${pod.address} : jump ${direction}_${index + 1}`],
  );
  return entries.length === 0 ? undefined : entries.join(', ');
}

function podChains(pod: PodRules, number: number, sets: AddressSets): string[] {
  return (['ingress', 'egress'] as const).flatMap((direction) => {
    const allows = pod[direction];
    if (allows === undefined) return [];
    const field = direction === 'ingress' ? 'saddr' : 'daddr';
    return [
      `  chain ${direction}_${number} { # ${pod.pod}`,
      `    ip ${field} ${pod.address} return`,
      ...new Set(allows.map((one) => `    ${allowText(one, field, sets)}`)),
      `    ${REFUSE}`,
      '  }',
    ];
  });
}

function allowText({ far, ports, protocol }: Allow, field: string, sets: AddressSets): string {
  const words: string[] = [];
  if (far.kind === 'pods') words.push(`ip ${field} @${sets.name(far.addresses)}`);
  if (far.kind === 'block') {
    // nft takes no block without bits.
    if (!far.cidr.endsWith('/0')) words.push(`ip ${field} ${far.cidr}`);
    if (far.except.length > 0) words.push(`ip ${field} != @${sets.name(far.except)}`);
  }
  if (protocol !== undefined)
    words.push(
      typeof ports === 'string' ? `meta l4proto ${protocol}` : `${protocol} dport ${range(ports)}`,
    );
  return [...words, 'return'].join(' ');
}

function range({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** Named sets, one for each different content. */
class AddressSets {
  readonly #names = new Map<string, string>();

  name(addresses: readonly string[]): string {
    const content = [...new Set(addresses)].toSorted().join(', ');
    const name = this.#names.get(content) ?? `addresses_${this.#names.size + 1}`;
    this.#names.set(content, name);
    return name;
  }

  text(): string[] {
    return [...this.#names].flatMap(([content, name]) => addressSet(name, content.split(', ')));
  }
}

function addressSet(name: string, addresses: readonly string[]): string[] {
  const elements = [...new Set(addresses)].toSorted();
  return [
    `  set ${name} {`,
    '    type ipv4_addr; flags interval; auto-merge',
    ...(elements.length === 0 ? [] : [`    elements = { ${elements.join(', ')} }`]),
    '  }',
  ];
}
