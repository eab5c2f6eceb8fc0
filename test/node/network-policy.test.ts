import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  enforcerStatusPath,
  readEnforcerStatus,
  waitEnforced,
} from '../cluster/network-policy/enforcer-status.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { nodeLayer } from '../support/pods/node-layer-bed.ts';
import {
  onNode,
  podSpec,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  shell,
} from '../support/pods/pod-manifest.ts';
import { hasEnded, isReady } from '../support/pods/pod-status.ts';
import { TestNamespace } from '../support/pods/test-namespace.ts';

const zObject = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const zService = z.object({ spec: z.object({ clusterIP: z.string() }) });
const POLICIES = '/apis/networking.k8s.io/v1';

const SERVE =
  'mkdir -p /tmp/w; echo "$HOSTNAME" > /tmp/w/index.html; httpd -p 8081 -h /tmp/w; exec httpd -f -p 8080 -h /tmp/w';
const WAIT = 'trap "exit 0" TERM; sleep 600 & wait';
const PROBE = { readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 } };
const PORT = { ports: [{ name: 'gateway', containerPort: 8080 }] };
const DNS = {
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }],
};
const GATEWAY = {
  to: [{ podSelector: { matchLabels: { app: 'gateway' } } }],
  ports: [{ port: 'gateway' }],
};
const BOTH = ['Ingress', 'Egress'];

const layer = nodeLayer();
const STATUS = enforcerStatusPath(layer.cluster.record.stateFolder ?? '');
let space: TestNamespace;
const address: Record<string, string> = {};

beforeAll(async () => {
  space = await TestNamespace.create(layer, 'restricted');
  const run = (name: string, app: string, node: string, script: string, fields: object) =>
    space.pod(
      name,
      podSpec([shell(script, { ...RESTRICTED_CONTAINER, ...fields })], {
        ...RESTRICTED_POD,
        ...onNode(node),
      }),
      { app, pod: name },
    );
  await Promise.all([
    run('sandbox', 'sandbox', 'node-1', WAIT, {}),
    run('near', 'gateway', 'node-1', SERVE, { ...PORT, ...PROBE }),
    run('far', 'gateway', 'node-2', SERVE, { ...PORT, ...PROBE }),
    ...['near', 'far'].map((pod) =>
      space.create('v1', 'Service', pod, {
        spec: { selector: { pod }, ports: [{ port: 80, targetPort: 8080 }] },
      }),
    ),
  ]);
  for (const name of ['sandbox', 'near', 'far']) {
    const { status } = await space.waitFor(name, isReady);
    address[name] = status.podIP ?? '';
  }
  for (const name of ['near', 'far']) {
    const service = zService.parse(await layer.api.get(space.path(`services/${name}`)));
    address[`vip of ${name}`] = service.spec.clusterIP;
  }
});
afterAll(async () => {
  await space?.[Symbol.asyncDispose]();
  await layer[Symbol.asyncDispose]();
});

/** Applies exactly these policies and waits until they are enforced. */
async function enforce(specs: Readonly<Record<string, object>>): Promise<void> {
  const known = Object.keys(readEnforcerStatus(STATUS).policies)
    .filter((name) => name.startsWith(`${space.name}/`))
    .map((name) => name.split('/')[1] ?? '');
  const versions: Record<string, string | undefined> = {};
  for (const name of known.filter((name) => !(name in specs))) {
    await layer.api.remove(`${space.path('networkpolicies', POLICIES)}/${name}`);
    versions[`${space.name}/${name}`] = undefined;
  }
  for (const [name, spec] of Object.entries(specs)) {
    const metadata = { name, namespace: space.name };
    const kind = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };
    const applied = zObject.parse(await layer.api.apply({ ...kind, metadata, spec }));
    versions[`${space.name}/${name}`] = applied.metadata.resourceVersion;
  }
  await waitEnforced(STATUS, versions);
}

const about = (app: string, spec: object) => ({ podSelector: { matchLabels: { app } }, ...spec });

/** What comes of connections from a pod: `open`, `forbidden` (a filter said so) or what nc says. */
async function reach(pod: string, to: Readonly<Record<string, string>>) {
  const lines = Object.values(to).map(
    (target, index) =>
      `{ said=$(nc -w 3 ${target} </dev/null 2>&1 >/dev/null && echo open); echo ${index} $said; } &`,
  );
  const said = (await space.exec(pod, `${lines.join('\n')}\nwait`)).trim().split('\n');
  const outcome = (index: number): string | undefined => {
    const line = said.find((one) => one.startsWith(`${index} `))?.replace(/^\d+ /, '');
    return line?.includes('No route to host') === true ? 'forbidden' : line;
  };
  return Object.fromEntries(Object.keys(to).map((name, index) => [name, outcome(index)]));
}

function targets(): Record<string, string> {
  const [one, two] = layer.state.nodes;
  return {
    near: `${address['near']} 8080`,
    far: `${address['far']} 8080`,
    'near by VIP': `${address['vip of near']} 80`,
    'far by VIP': `${address['vip of far']} 80`,
    'other port of near': `${address['near']} 8081`,
    'other port of far': `${address['far']} 8081`,
    'API server by VIP': '10.96.0.1 443',
    'own node': `${one?.address} 10250`,
    'own node on the bridge': '10.244.0.1 10250',
    'other node': `${two?.address} 10250`,
    DNS: '10.96.0.10 53',
  };
}
const all = (outcome: string) =>
  Object.fromEntries(Object.keys(targets()).map((name) => [name, outcome]));
const lookUp = (service: string) =>
  `timeout 8 nslookup ${service}.${space.name}.svc.cluster.local 2>&1 || true`;

describe('a sandbox pod', () => {
  beforeEach(() => enforce({}));

  test('reaches everything where no policy selects it', async () => {
    expect(await reach('sandbox', targets())).toEqual(all('open'));
    expect(await space.exec('sandbox', lookUp('far'))).toContain(address['vip of far']);
  });

  test('reaches its gateway and nothing else, on both nodes, by address and by VIP', async () => {
    await enforce({ sandbox: about('sandbox', { policyTypes: BOTH, egress: [GATEWAY] }) });
    expect(await reach('sandbox', targets())).toEqual({
      ...all('forbidden'),
      near: 'open',
      far: 'open',
      'near by VIP': 'open',
      'far by VIP': 'open',
    });
    expect(await space.exec('sandbox', lookUp('far'))).not.toContain(address['vip of far']);
  });

  test('resolves names where DNS is allowed, and reaches no other port there', async () => {
    await enforce({ sandbox: about('sandbox', { policyTypes: BOTH, egress: [GATEWAY, DNS] }) });
    expect(await space.exec('sandbox', lookUp('far'))).toContain(address['vip of far']);
    const found = await reach('sandbox', {
      'by name': `far.${space.name}.svc.cluster.local 80`,
      'health of DNS': `${await dnsAddress()} 8080`,
      'API server': '10.96.0.1 443',
    });
    expect(found).toEqual({
      'by name': 'open',
      'health of DNS': 'forbidden',
      'API server': 'forbidden',
    });
  });

  test('is filtered from its first packet on', { timeout: 60_000 }, async () => {
    await enforce({ young: about('young', { policyTypes: BOTH, egress: [GATEWAY] }) });
    const script = [`${address['far']} 8080`, '10.96.0.1 443', `${address['near']} 8081`]
      .map((target) => `nc -w 5 ${target} </dev/null 2>&1 >/dev/null && echo open || true`)
      .join('; ');
    const container = shell(script, RESTRICTED_CONTAINER);
    const spec = podSpec([container], { ...RESTRICTED_POD, ...onNode('node-1') });
    for (const name of ['young-1', 'young-2', 'young-3'])
      await space.pod(name, spec, { app: 'young' });
    for (const name of ['young-1', 'young-2', 'young-3']) {
      await space.waitFor(name, hasEnded);
      const [gateway, apiServer, otherPort] = (await space.logs(name)).trim().split('\n');
      expect(gateway).toBe('open');
      expect([apiServer, otherPort]).toEqual([
        expect.stringMatching(/^nc: /),
        expect.stringMatching(/^nc: /),
      ]);
    }
  });
});

describe('a closed gateway', () => {
  beforeEach(() => enforce({}));

  test('stays Ready: its own node always reaches it', async () => {
    await enforce({ gateway: about('gateway', { policyTypes: BOTH }) });
    const found = await reach('sandbox', targets());
    expect(found).toMatchObject({
      near: 'forbidden',
      'far by VIP': 'forbidden',
      'own node': 'open',
    });
    const stamp = Date.now();
    await waitUntil(() => Date.now() - stamp > 4000, { what: 'four probes', seconds: 10 });
    expect([await space.readPod('near'), await space.readPod('far')].map(isReady)).toEqual([
      true,
      true,
    ]);
  });

  test('lets in whom its policy names, by the port that it names', async () => {
    const from = [{ podSelector: { matchLabels: { app: 'sandbox' } } }];
    await enforce({
      gateway: about('gateway', { ingress: [{ from, ports: [{ port: 'gateway' }] }] }),
    });
    expect(await reach('sandbox', targets())).toMatchObject({
      near: 'open',
      far: 'open',
      'far by VIP': 'open',
      'other port of near': 'forbidden',
      'other port of far': 'forbidden',
    });
    expect(await reach('far', { near: `${address['near']} 8080` })).toEqual({ near: 'forbidden' });
  });
});

test('a policy that cannot be translated closes its pods and is named in the status', async () => {
  const block = { to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 'gateway' }] };
  await enforce({ odd: about('sandbox', { policyTypes: ['Egress'], egress: [block] }) });
  const { state, message } = readEnforcerStatus(STATUS);
  expect(state).toBe('refused');
  expect(message).toMatch(
    new RegExp(`^NetworkPolicy ${space.name}/odd: spec\\.egress\\[0\\]\\.to\\[0\\]\\.ipBlock: `),
  );
  expect(await reach('sandbox', targets())).toEqual(all('forbidden'));
  await enforce({});
  expect(readEnforcerStatus(STATUS).state).toBe('enforcing');
  expect(await reach('sandbox', { near: `${address['near']} 8080` })).toEqual({ near: 'open' });
});

async function dnsAddress(): Promise<string> {
  const zPods = z.object({
    items: z.array(z.object({ status: z.object({ podIP: z.string() }) })).min(1),
  });
  const path = '/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns';
  return zPods.parse(await layer.api.get(path)).items[0]?.status.podIP ?? '';
}
