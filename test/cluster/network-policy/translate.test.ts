import { describe, expect, test } from 'vitest';
import { lockDownRefused } from './lock-down.ts';
import { type PolicyObjects, translate } from './translate.ts';

const NODE = { name: 'node-1', podSubnet: '10.244.0.0/24', bridge: 'cni0' };

const pod = (name: string, ip: string | undefined, labels: object, more: object = {}) => ({
  metadata: { name, namespace: 'rollouts', uid: `uid-${name}`, labels },
  spec: { nodeName: 'node-1', containers: [{ name: 'main' }], ...more },
  status: { phase: 'Running', podIPs: ip === undefined ? [] : [{ ip }] },
});
const portNamed = (name: string, containerPort: number, protocol = 'TCP') => ({
  containers: [{ name: 'main', ports: [{ name, containerPort, protocol }] }],
});
const inNamespace = <T extends { metadata: object }>(namespace: string, object: T) => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});

const SANDBOX = pod('sandbox', '10.244.0.5', { role: 'sandbox' });
const GATEWAY = pod(
  'gateway',
  '10.244.1.7',
  { role: 'gateway' },
  {
    ...portNamed('http', 8080),
    nodeName: 'node-2',
  },
);
const GATEWAY_NEAR = pod('gateway-2', '10.244.0.7', { role: 'gateway' }, portNamed('http', 9090));
const DNS = inNamespace(
  'kube-system',
  pod(
    'coredns',
    '10.244.1.2',
    { app: 'dns' },
    { ...portNamed('dns', 53, 'UDP'), nodeName: 'node-2' },
  ),
);
const NAMESPACES = [
  { metadata: { name: 'rollouts', labels: { team: 'a' } } },
  { metadata: { name: 'kube-system', labels: { 'kubernetes.io/metadata.name': 'kube-system' } } },
];

const policy = (spec: object, name = 'p', namespace = 'rollouts') => ({
  metadata: { name, namespace },
  spec,
});
const objects = (policies: readonly object[], more: readonly object[] = []): PolicyObjects => ({
  policies,
  pods: [SANDBOX, GATEWAY, GATEWAY_NEAR, DNS, ...more],
  namespaces: NAMESPACES,
});
const sandbox = (spec: object) =>
  policy({ podSelector: { matchLabels: { role: 'sandbox' } }, ...spec });

/** Rules of one chain, or undefined where there is no such chain. */
function chain(text: string, owner: string, direction: 'ingress' | 'egress'): string[] | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const start = lines.findIndex(
    (line) => line.startsWith(`chain ${direction}_`) && line.endsWith(`# ${owner}`),
  );
  return start < 0 ? undefined : lines.slice(start + 1, lines.indexOf('}', start));
}

/** As `chain`, for the sandbox pod, with named sets replaced by what is in them. */
function rules(of: PolicyObjects, direction: 'ingress' | 'egress', owner = 'rollouts/sandbox') {
  const text = translate(of, NODE);
  return chain(text, owner, direction)
    ?.filter((line) => !/^ip [sd]addr [0-9.]+ return$/.test(line) || direction === 'ingress')
    .map((line) =>
      line.replace(/@(\w+)/, (_, name: string) => {
        const found = new RegExp(`set ${name} \\{[^}]*elements = \\{ ([^}]*) \\}`).exec(text);
        return `{${found?.[1] ?? ''}}`;
      }),
    )
    .filter((line) => line !== `ip saddr 10.244.0.5 return`)
    .slice(0, -1);
}

describe('which pods are closed', () => {
  test.each<[string, object, boolean, boolean]>([
    ['no types and no egress: ingress', {}, true, false],
    ['no types, but egress', { egress: [] }, true, true],
    ['ingress', { policyTypes: ['Ingress'] }, true, false],
    ['egress', { policyTypes: ['Egress'] }, false, true],
    ['both', { policyTypes: ['Ingress', 'Egress'] }, true, true],
  ])('%s', (_case, spec, ingress, egress) => {
    const text = translate(objects([sandbox(spec)]), NODE);
    const denies = (direction: 'ingress' | 'egress') =>
      chain(text, 'rollouts/sandbox', direction)?.at(-1) ===
      'counter reject with icmpx admin-prohibited';
    expect([denies('ingress'), denies('egress')]).toEqual([ingress, egress]);
    expect(text.match(/vmap \{ 10\.244\.0\.5 : jump egress_1 \}/g) ?? []).toHaveLength(
      egress ? 2 : 0,
    );
  });

  test('an empty selector takes all pods of the namespace, on this node', () => {
    const text = translate(objects([policy({ podSelector: {}, policyTypes: ['Egress'] })]), NODE);
    expect(chain(text, 'rollouts/sandbox', 'egress')).toBeDefined();
    expect(chain(text, 'rollouts/gateway-2', 'egress')).toBeDefined();
    expect(chain(text, 'rollouts/gateway', 'egress')).toBeUndefined();
    expect(chain(text, 'kube-system/coredns', 'egress')).toBeUndefined();
  });

  test.each<[string, object[], boolean]>([
    ['In', [{ key: 'role', operator: 'In', values: ['x', 'sandbox'] }], true],
    ['NotIn', [{ key: 'role', operator: 'NotIn', values: ['sandbox'] }], false],
    ['NotIn of an absent key', [{ key: 'other', operator: 'NotIn', values: ['x'] }], true],
    ['Exists', [{ key: 'role', operator: 'Exists' }], true],
    ['DoesNotExist', [{ key: 'role', operator: 'DoesNotExist' }], false],
    [
      'two that both must hold',
      [
        { key: 'role', operator: 'Exists' },
        { key: 'x', operator: 'Exists' },
      ],
      false,
    ],
  ])('matchExpressions: %s', (_case, matchExpressions, selected) => {
    const text = translate(
      objects([policy({ podSelector: { matchExpressions }, policyTypes: ['Egress'] })]),
      NODE,
    );
    expect(chain(text, 'rollouts/sandbox', 'egress') !== undefined).toBe(selected);
  });

  test('pods on the host network, without an address or ended are not in the rules', () => {
    const ended = pod('ended', '10.244.0.5', { role: 'sandbox' });
    ended.status.phase = 'Succeeded';
    const more = [
      pod('host', '198.18.2.11', { role: 'sandbox' }, { hostNetwork: true }),
      pod('young', undefined, { role: 'sandbox' }),
      ended,
    ];
    const text = translate(objects([sandbox({})], more), NODE);
    expect(text.match(/chain ingress_/g)).toHaveLength(1);
    expect(text).toContain('elements = { 10.244.0.5, 10.244.0.7 }');
  });

  test('an address that the node gave counts before the status has it', () => {
    const young = pod('young', undefined, { role: 'sandbox' });
    const given = [{ podUid: 'uid-young', address: '10.244.0.9' }];
    const text = translate({ ...objects([sandbox({})], [young]), given }, NODE);
    expect(chain(text, 'rollouts/young', 'ingress')).toContain('ip saddr 10.244.0.9 return');
    expect(text).toContain('10.244.0.9 : jump ingress_2');
  });
});

describe('who is let in and out', () => {
  test.each<[string, object, string[]]>([
    ['everything', {}, ['return']],
    [
      'all ports of pods of the namespace',
      { to: [{ podSelector: { matchLabels: { role: 'gateway' } } }] },
      ['ip daddr {10.244.0.7, 10.244.1.7} return'],
    ],
    [
      'pods of other namespaces',
      {
        to: [
          { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } },
        ],
      },
      ['ip daddr {10.244.1.2} return'],
    ],
    [
      'pods and namespaces at once',
      { to: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'dns' } } }] },
      ['ip daddr {10.244.1.2} return'],
    ],
    [
      'a pod selector alone stays in the namespace',
      { to: [{ podSelector: { matchLabels: { app: 'dns' } } }] },
      [],
    ],
    [
      'two peers',
      {
        to: [
          { podSelector: { matchLabels: { role: 'gateway' } } },
          { ipBlock: { cidr: '192.0.2.0/24' } },
        ],
      },
      ['ip daddr 192.0.2.0/24 return', 'ip daddr {10.244.0.7, 10.244.1.7} return'],
    ],
    [
      'a block with holes',
      { to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] } }] },
      ['ip daddr 10.0.0.0/8 ip daddr != {10.1.0.0/16, 10.2.0.0/16} return'],
    ],
    ['the world', { to: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }, ['return']],
    [
      'the world but the cluster',
      { to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] },
      ['ip daddr != {10.0.0.0/8} return'],
    ],
    [
      'a block with host bits',
      { to: [{ ipBlock: { cidr: '10.1.2.3/16' } }] },
      ['ip daddr 10.1.0.0/16 return'],
    ],
    ['IPv6, which the cluster has not', { to: [{ ipBlock: { cidr: '::/0' } }] }, []],
    ['a port is TCP', { ports: [{ port: 443 }] }, ['tcp dport 443 return']],
    [
      'protocols',
      { ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }, { port: 9, protocol: 'SCTP' }] },
      ['udp dport 53 return', 'tcp dport 53 return', 'sctp dport 9 return'],
    ],
    ['a protocol without port', { ports: [{ protocol: 'UDP' }] }, ['meta l4proto udp return']],
    ['a range', { ports: [{ port: 8000, endPort: 9000 }] }, ['tcp dport 8000-9000 return']],
    [
      'a named port: each pod its number',
      { to: [{ podSelector: {} }], ports: [{ port: 'http' }] },
      [
        'ip daddr {10.244.1.7} tcp dport 8080 return',
        'ip daddr {10.244.0.7} tcp dport 9090 return',
      ],
    ],
    [
      'a named port of anybody',
      { ports: [{ port: 'dns', protocol: 'UDP' }] },
      ['ip daddr {10.244.1.2} udp dport 53 return'],
    ],
    ['a named port of another protocol', { ports: [{ port: 'dns' }] }, []],
    [
      'peer and port',
      { to: [{ ipBlock: { cidr: '192.0.2.1/32' } }], ports: [{ port: 80 }] },
      ['ip daddr 192.0.2.1/32 tcp dport 80 return'],
    ],
  ])('egress: %s', (_case, rule, wanted) => {
    const of = objects([sandbox({ policyTypes: ['Egress'], egress: [rule] })]);
    const found = rules(of, 'egress');
    expect(found).toEqual(wanted);
  });

  test('ingress: addresses are those of the sender, named ports those of the pod itself', () => {
    const gateways = (ingress: object[]) =>
      objects([policy({ podSelector: { matchLabels: { role: 'gateway' } }, ingress })]);
    const from = [{ podSelector: { matchLabels: { role: 'sandbox' } } }];
    expect(
      rules(gateways([{ from, ports: [{ port: 'http' }] }]), 'ingress', 'rollouts/gateway-2'),
    ).toEqual(['ip saddr 10.244.0.7 return', 'ip saddr {10.244.0.5} tcp dport 9090 return']);
    expect(
      rules(gateways([{ ports: [{ port: 'absent' }] }]), 'ingress', 'rollouts/gateway-2'),
    ).toEqual(['ip saddr 10.244.0.7 return']);
  });

  test('policies of the same pod add up', () => {
    const of = objects([
      policy({ podSelector: {}, policyTypes: ['Egress'] }, 'deny'),
      sandbox({ policyTypes: ['Egress'], egress: [{ ports: [{ port: 53, protocol: 'UDP' }] }] }),
      policy(
        { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port: 80 }] }] },
        'web',
      ),
    ]);
    expect(rules(of, 'egress')).toEqual(['udp dport 53 return', 'tcp dport 80 return']);
  });

  test('the same objects in another order of pods give the same text', () => {
    const of = objects([sandbox({ egress: [{ to: [{ podSelector: {} }] }] })]);
    expect(translate({ ...of, pods: [...of.pods].reverse() }, NODE)).toBe(translate(of, NODE));
  });
});

const PLACE = 'NetworkPolicy rollouts/p: ';
const REFUSED: [string, object, string][] = [
  [
    'an unknown field',
    { egress: [{ toServices: [] }] },
    'spec.egress[0]: Unrecognized key: "toServices"',
  ],
  [
    'an unknown operator',
    { podSelector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] } },
    'spec.podSelector.matchExpressions[0].operator',
  ],
  [
    'an unknown protocol',
    { ingress: [{ ports: [{ port: 1, protocol: 'ICMP' }] }] },
    'spec.ingress[0].ports[0].protocol',
  ],
  ['a peer without anything', { ingress: [{ from: [{}] }] }, 'spec.ingress[0].from[0]: a peer has'],
  [
    'a peer with both',
    { egress: [{ to: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
    'spec.egress[0].to[0]: a peer has',
  ],
  [
    'a block that is none',
    { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0' } }] }] },
    'spec.egress[0].to[0].ipBlock.cidr: 10.0.0.0 is not',
  ],
  [
    'a hole outside of its block',
    { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/16', except: ['10.1.0.0/16'] } }] }] },
    'spec.egress[0].to[0].ipBlock.except[0]: 10.1.0.0/16 is not within',
  ],
  [
    'endPort without port',
    { ingress: [{ ports: [{ endPort: 9 }] }] },
    'spec.ingress[0].ports[0].endPort: needs',
  ],
  [
    'endPort with a name',
    { ingress: [{ ports: [{ port: 'a', endPort: 9 }] }] },
    'spec.ingress[0].ports[0].endPort: needs',
  ],
  [
    'endPort below port',
    { ingress: [{ ports: [{ port: 10, endPort: 9 }] }] },
    'spec.ingress[0].ports[0].endPort: 9 is below',
  ],
  [
    'a named port of a block',
    { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 'http' }] }] },
    'spec.egress[0].to[0].ipBlock: a block of addresses has no port named http',
  ],
];

describe('what cannot be translated is refused with policy and field', () => {
  test.each(REFUSED)('%s', (_case, spec, message) => {
    const of = objects([policy({ podSelector: {}, ...spec })]);
    expect(() => translate(of, NODE)).toThrow(PLACE + message);
    // Also where it selects nobody that runs here.
    expect(() => translate({ ...of, pods: [] }, NODE)).toThrow(PLACE + message);
  });

  test.each(REFUSED)('and closes what it selects: %s', (_case, spec) => {
    const of = objects([
      sandbox({}),
      policy({ podSelector: { matchLabels: { role: 'gateway' } }, ...spec }),
    ]);
    const { policies, refusals } = lockDownRefused(of);
    expect(refusals).toHaveLength(1);
    const text = translate({ ...of, policies }, NODE);
    expect(chain(text, 'rollouts/gateway-2', 'egress')).toHaveLength(2);
    expect(chain(text, 'rollouts/gateway-2', 'ingress')).toHaveLength(2);
    // A selector that is not understood closes the whole namespace.
    const odd = 'podSelector' in spec;
    expect(chain(text, 'rollouts/sandbox', 'egress') !== undefined).toBe(odd);
  });
});
