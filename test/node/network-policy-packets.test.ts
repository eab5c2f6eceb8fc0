import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { translate } from '../cluster/network-policy/translate.ts';
import { PacketBed } from '../support/packet-bed/packet-bed.ts';

const NODES = [0, 1].map((index) => ({
  name: `node-${index + 1}`,
  podSubnet: `10.244.${index}.0/24`,
  bridge: 'cni0',
}));
const [A, B, C] = ['10.244.0.5', '10.244.0.6', '10.244.1.5'] as const;
const [NODE_1, NODE_2] = ['198.51.100.1', '198.51.100.2'] as const;

const pod = (name: string, ip: string, nodeName: string) => ({
  metadata: { name, namespace: 'n', labels: { app: name } },
  spec: { nodeName, containers: [{ ports: [{ name: 'web', containerPort: 80 }] }] },
  status: { phase: 'Running', podIPs: [{ ip }] },
});
const PODS = [pod('a', A, 'node-1'), pod('b', B, 'node-1'), pod('c', C, 'node-2')];
const namespaces = [{ metadata: { name: 'n', labels: {} } }];
const about = (app: string, spec: object) => ({
  metadata: { name: app, namespace: 'n' },
  spec: { podSelector: { matchLabels: { app } }, ...spec },
});
const to = (app: string) => [{ podSelector: { matchLabels: { app } } }];
const CLOSED = { policyTypes: ['Ingress', 'Egress'] };

let bed: PacketBed;
beforeAll(async () => {
  bed = await PacketBed.start();
});
afterAll(() => bed?.[Symbol.asyncDispose]());
beforeEach(() => enforce([]));

function enforce(policies: readonly object[], pods: readonly object[] = PODS): void {
  for (const index of [0, 1] as const) {
    const node = NODES[index];
    if (node !== undefined) bed.load(index, translate({ policies, pods, namespaces }, node));
  }
}

describe('rulesets on real packets', () => {
  test('without a policy everything passes, also through Services', async () => {
    const { a, c, nodes } = bed;
    const found = await Promise.all([
      a.reach(B, 80),
      a.reach(C, 80),
      a.reach('10.96.0.9', 81),
      a.reach('10.96.0.8', 81),
      c.reach('10.96.0.9', 81),
      a.reach(B, 53, 'udp'),
      a.reach('10.244.0.1', 80),
      a.reach(NODE_2, 80),
      nodes[0].reach(A, 80),
    ]);
    expect(found).toEqual([A, A, A, A, C, A, A, A, '10.244.0.1']);
    expect(await a.reach(B, 81)).toBe('refused');
  });

  test('a closed pod reaches nobody, not even its own node, and nobody but its node reaches it', async () => {
    enforce([about('a', CLOSED)]);
    const { a, b, c, nodes } = bed;
    const out = [
      a.reach(B, 80),
      a.reach(C, 80),
      a.reach('10.96.0.9', 81),
      a.reach('10.96.0.8', 81),
      a.reach(B, 53, 'udp'),
      a.reach(C, 53, 'udp'),
      a.reach('10.244.0.1', 80),
      a.reach(NODE_1, 80),
      a.reach(NODE_2, 80),
    ];
    expect(await Promise.all(out)).toEqual(out.map(() => 'forbidden'));
    const into = [b.reach(A, 80), c.reach(A, 80), nodes[1].reach(A, 80), c.reach(A, 53, 'udp')];
    expect(await Promise.all(into)).toEqual(into.map(() => 'forbidden'));
    // Probes of the kubelet, and the pod to itself.
    expect(await Promise.all([nodes[0].reach(A, 80), a.reach(A, 80), b.reach(C, 80)])).toEqual([
      '10.244.0.1',
      A,
      B,
    ]);
  });

  test('a pod reaches one port of its gateway, on its own node and on another, and nothing else', async () => {
    const { a, b, c } = bed;
    for (const [gateway, address, service] of [
      ['b', B, '10.96.0.9'],
      ['c', C, '10.96.0.8'],
    ] as const) {
      enforce([about('a', { ...CLOSED, egress: [{ to: to(gateway), ports: [{ port: 'web' }] }] })]);
      const other = address === B ? C : B;
      const found = await Promise.all([
        a.reach(address, 80),
        a.reach(service, 81),
        a.reach(address, 8080),
        a.reach(address, 53, 'udp'),
        a.reach(other, 80),
        a.reach(NODE_1, 80),
      ]);
      expect(found).toEqual([A, A, ...Array<string>(4).fill('forbidden')]);
    }
    expect(await Promise.all([b.reach(A, 80), c.reach(A, 80)])).toEqual(['forbidden', 'forbidden']);
  });

  test('ingress is judged where the pod runs, by the address of the sender', async () => {
    const { a, b, c } = bed;
    enforce([
      about('b', { ingress: [{ from: to('c') }] }),
      about('c', { ingress: [{ from: to('a') }] }),
    ]);
    expect(await Promise.all([a.reach(B, 80), c.reach(B, 80), c.reach('10.96.0.9', 81)])).toEqual([
      'forbidden',
      C,
      C,
    ]);
    expect(await Promise.all([a.reach(C, 80), b.reach(C, 80), b.reach('10.96.0.8', 81)])).toEqual([
      A,
      'forbidden',
      'forbidden',
    ]);
  });

  test('DNS alone, blocks with holes, ranges and protocols', async () => {
    const { a } = bed;
    const dns = [{ port: 53, protocol: 'UDP' }, { port: 53 }];
    enforce([about('a', { ...CLOSED, egress: [{ to: to('c'), ports: dns }] })]);
    expect(
      await Promise.all([
        a.reach(C, 53, 'udp'),
        a.reach(C, 53),
        a.reach(C, 80),
        a.reach(B, 53, 'udp'),
      ]),
    ).toEqual([A, A, 'forbidden', 'forbidden']);
    const block = { cidr: '10.244.0.0/16', except: [`${B}/32`] };
    enforce([
      about('a', {
        ...CLOSED,
        egress: [{ to: [{ ipBlock: block }], ports: [{ port: 8000, endPort: 8080 }] }],
      }),
    ]);
    expect(await Promise.all([a.reach(C, 8080), a.reach(C, 80), a.reach(B, 8080)])).toEqual([
      A,
      'forbidden',
      'forbidden',
    ]);
    enforce([about('a', { ...CLOSED, egress: [{ ports: [{ protocol: 'UDP' }] }] })]);
    expect(await Promise.all([a.reach(C, 80, 'udp'), a.reach(C, 80)])).toEqual([A, 'forbidden']);
  });

  test('a pod that is not known yet gets nothing through, and no error either', async () => {
    const { a, nodes } = bed;
    enforce([], PODS.slice(1));
    expect(await Promise.all([a.reach(B, 80), a.reach(NODE_1, 80)])).toEqual(['silent', 'silent']);
    expect(await nodes[1].reach(A, 80)).toBe('silent');
    enforce([]);
    expect(await a.reach(B, 80)).toBe(A);
  });

  test('IPv6 that pods speak by themselves is no way round', async () => {
    const { a, b } = bed;
    const address = bed.linkLocal(b);
    if (address === undefined) throw new Error('this kernel gives no IPv6 address by itself');
    bed.load(0, 'table inet clawgym_network_policy\ndelete table inet clawgym_network_policy\n');
    expect(await a.reach(address, 80)).toMatch(/^fe80:/);
    enforce([]);
    expect(await a.reach(address, 80)).toBe('silent');
  });
});
