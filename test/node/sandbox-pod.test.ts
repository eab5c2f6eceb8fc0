import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';
import type { Job } from '../../src/engines/kubernetes/kube-types.ts';
import { namespaceObjects } from '../../src/engines/kubernetes/namespace-objects.ts';
import { preflightFinding, zPreflightPod } from '../../src/engines/kubernetes/preflight-finding.ts';
import { type PreflightCluster, preflightPod } from '../../src/engines/kubernetes/preflight-pod.ts';
import { rolloutJob } from '../../src/engines/kubernetes/rollout-job.ts';
import {
  type PodInstallation,
  type SandboxJobRequest,
  zPodSettings,
} from '../../src/engines/kubernetes/settings.ts';
import { verifyJob } from '../../src/engines/kubernetes/verify-job.ts';
import type { Shape } from '../../src/protocol/operator-api.ts';
import { imageReference } from '../cluster/images/image-names.ts';
import { enforcerStatusPath, waitEnforced } from '../cluster/network-policy/enforcer-status.ts';
import type { Manifest } from '../cluster/node/cluster-api.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { farAddresses } from '../support/pods/far-addresses.ts';
import {
  type Door,
  layOut,
  listAtEnd,
  lookAround,
  reachOut,
} from '../support/pods/inside-programs.ts';
import { loadImages } from '../support/pods/load-images.ts';
import { nodeLayer } from '../support/pods/node-layer-bed.ts';
import {
  onNode,
  podSpec,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  shell,
} from '../support/pods/pod-manifest.ts';
import { endOf, hasEnded, isReady, type Pod } from '../support/pods/pod-status.ts';
import { TestNamespace } from '../support/pods/test-namespace.ts';
import {
  podBatch,
  ROLLOUT_SHAPE,
  sandboxRequest,
  VERIFY_SHAPE,
} from '../support/sandbox-request.ts';

/**
 * Built pods with the real image on a real node, their programs replaced by ones that say what they
 * see: what the fields of a pod come to. And what such a pod reaches.
 */
const layer = nodeLayer();
const SERVE = 'mkdir /tmp/w; httpd -p 8080 -h /tmp/w; exec httpd -f -p 8443 -h /tmp/w';
const SERVER_LABELS = { app: 'server' };

let server: TestNamespace;
let serverAddress = '';
let installation: PodInstallation;
let cluster: PreflightCluster;
const METADATA = { host: '169.254.169.254', port: 80 };
/** One that the probe of the product asks for, and one that is set apart for documentation (RFC 5737). */
const INTERNET = [
  { host: '1.1.1.1', port: 443 },
  { host: '192.0.2.1', port: 443 },
];
const far = new AsyncDisposableStack();
let ownApiServer = { host: '', port: 0 };

beforeAll(async () => {
  await loadImages(layer, ['runner']);
  far.use(await farAddresses(layer, [METADATA, ...INTERNET]));
  server = await TestNamespace.create(layer, 'restricted');
  await server.pod(
    'server',
    podSpec(
      [
        shell(SERVE, {
          ...RESTRICTED_CONTAINER,
          readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
        }),
      ],
      RESTRICTED_POD,
    ),
    SERVER_LABELS,
  );
  const ports = [
    { name: 'sandbox', port: 8443 },
    { name: 'other', port: 8080 },
  ];
  await server.create('v1', 'Service', 'server', {
    spec: { type: 'NodePort', selector: SERVER_LABELS, ports },
  });
  const pod = await server.waitFor('server', isReady);
  const service = zService.parse(await layer.api.get(server.path('services/server')));
  serverAddress = service.spec.clusterIP;
  ({ installation } = request('runs', ROLLOUT_SHAPE));
  const behind = await layer.api.get('/api/v1/namespaces/default/endpoints/kubernetes');
  const [subset] = zEndpoints.parse(behind).subsets;
  ownApiServer = { host: subset.addresses[0].ip, port: subset.ports[0].port };
  cluster = {
    apiServer: { host: '$KUBERNETES_SERVICE_HOST', port: 443 },
    nameServers: [await addressOf('/api/v1/namespaces/kube-system/services/kube-dns')],
    otherPod: { host: pod.status.podIP ?? '', port: 8080 },
    nodePort: { host: '$HOST_IP', port: service.spec.ports[1]?.nodePort ?? 0 },
  };
}, 600_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await far.disposeAsync();
  await layer[Symbol.asyncDispose]();
});

const zService = z.object({
  spec: z.object({
    clusterIP: z.string(),
    ports: z.array(z.object({ nodePort: z.number().optional() })),
  }),
});

const zEndpoints = z.object({
  subsets: z.tuple([
    z.object({
      addresses: z.tuple([z.object({ ip: z.string() })]),
      ports: z.tuple([z.object({ port: z.number() })]),
    }),
  ]),
});

async function addressOf(path: string): Promise<string> {
  return zService.parse(await layer.api.get(path)).spec.clusterIP;
}

function request(namespace: string, from: Shape): SandboxJobRequest {
  const runner = imageReference('runner');
  const shape = { ...from, image: { reference: runner }, memoryMiB: 256 };
  const batch = podBatch({}, namespace);
  const made = sandboxRequest(shape, { batch, runner, imagePullPolicy: 'Never' });
  const job = { ...made.job, length: 1 };
  const address = { clusterIP: serverAddress, caBundle: 'PEM' };
  return { ...made, job, parallelism: 1, installation: { ...made.installation, server: address } };
}

/** A namespace as the operator prepares it. */
async function prepared(policies: boolean): Promise<TestNamespace> {
  const space = await TestNamespace.create(layer, 'restricted');
  const objects = namespaceObjects(space.name, {
    namespace: server.name,
    podLabels: SERVER_LABELS,
  });
  await create(objects.serviceAccount);
  if (policies) {
    const made = await Promise.all(objects.networkPolicies.map(create));
    const versions = made.map(({ metadata }) => [
      `${space.name}/${metadata.name}`,
      metadata.resourceVersion,
    ]);
    const stateFolder = layer.cluster.record.stateFolder ?? '';
    await waitEnforced(enforcerStatusPath(stateFolder), Object.fromEntries(versions));
  }
  return space;
}

const zMade = z.object({ metadata: z.object({ name: z.string(), resourceVersion: z.string() }) });

async function create(object: KubeObject) {
  return zMade.parse(await layer.api.create(object as Manifest));
}

/** Runs the one pod of a Job with other programs in its containers: Python, in the sidecar bash. */
async function runJob(space: TestNamespace, job: Job, programs: Readonly<Record<string, string>>) {
  const { spec } = job.spec.template;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const shellPath = container.restartPolicy === undefined ? '/usr/bin/python3' : '/bin/bash';
    container.command = [shellPath, '-c', programs[container.name] ?? ''];
  }
  // The batch is not in this cluster: its Job would be collected.
  job.metadata.ownerReferences = [];
  await create(job);
  const pod = await ended(space, `batch.kubernetes.io/job-name=${job.metadata.name}`);
  const names = Object.keys(programs);
  expect(names.map((name) => endOf(pod, name))).toEqual(names.map(() => '0 Completed'));
  const logs = await Promise.all(names.map((name) => space.logs(pod.metadata.name, name)));
  return Object.fromEntries(names.map((name, index) => [name, logs[index] ?? '']));
}

/** What every untrusted container sees. */
const inside = () => ({
  ids: [...[1, 2].map(() => Array.from({ length: 4 }, () => '65534')), ['65534']],
  capabilities: Array.from({ length: 5 }, () => '0000000000000000'),
  noNewPrivs: ['1'],
  seccomp: ['2'],
  found: [],
  env: ['HOME', 'HOSTNAME', 'JOB_COMPLETION_INDEX', 'LANG', 'PATH', 'TZ'],
  host: 'sandbox',
  cwd: '/',
  lookup: [false, false],
  server: serverAddress,
  resolv: expect.stringContaining('nameserver 127.0.0.1') as string,
  shm: 64 * 1024 * 1024,
});
const GATEWAY: Door = { name: 'the server', host: 'clawgym-server.sandbox.internal', port: 8443 };

/** What no sandbox may reach, each of it known to answer. */
function forbidden(): readonly Door[] {
  const { apiServer, nameServers, otherPod, nodePort } = cluster;
  const addresses = layer.nodes.map(({ name, state }) => ({ name, host: state.address }));
  return [
    { name: 'the API server', ...apiServer },
    { name: 'the API server at its own address', ...ownApiServer },
    ...nameServers.flatMap((host): Door[] => [
      { name: 'a name server', host, port: 53, way: 'dns' },
      { name: 'a name server by TCP', host, port: 53 },
    ]),
    { name: 'another pod', host: otherPod?.host ?? '', port: otherPod?.port ?? 0 },
    { name: "the server's other port", host: serverAddress, port: 8080 },
    ...addresses.flatMap(({ name, host }): Door[] => [
      { name: `a NodePort service on ${name}`, host, port: nodePort?.port ?? 0 },
      { name: `the kubelet of ${name}`, host, port: 10_250 },
    ]),
    { name: 'the metadata address', ...METADATA },
    ...INTERNET.map(({ host, port }) => ({ name: `the internet at ${host}`, host, port })),
  ];
}

const SYSTEM = ['/', '/etc', '/opt', '/opt/clawgym', '/program', '/var/tmp', '/home', '/root'];

test('a rollout pod, from inside', { timeout: 240_000 }, async () => {
  await using space = await prepared(true);
  const own = ['/agent', '/workspace', '/tmp', '/run/clawgym/report', '/dev/shm'];
  const doors = forbidden();
  const said = await runJob(space, rolloutJob(request(space.name, ROLLOUT_SHAPE)), {
    stage: layOut(['/clawgym/agent/config', '/clawgym/workspace/input', '/clawgym/report/spec']),
    companion: listAtEnd('/clawgym/workspace /clawgym/report'),
    agent: `${lookAround(
      [...SYSTEM, ...own],
      ['/agent/config', '/workspace/input', '/run/clawgym/report/spec'],
    )}${reachOut(GATEWAY, doors)}`,
  });
  expect(JSON.parse(said['stage'] ?? '')).toEqual({
    audience: ['clawgym/rollout'],
    life: 3600,
    account: 'clawgym-sandbox',
  });
  expect(said['companion']).toBe(
    'saw: /clawgym/report: probe spec /clawgym/workspace: input probe\n',
  );
  const [sees, reaches] = linesOf(said['agent']);
  expect(sees).toEqual({
    ...inside(),
    writable: own.slice(1),
    seen: ['laid out', 'laid out', 'laid out'],
  });
  expect(reaches).toEqual([GATEWAY.name]);
});

test('a rollout pod without our policies reaches all that they close', {
  timeout: 240_000,
}, async () => {
  await using space = await prepared(false);
  const doors = forbidden();
  const said = await runJob(space, rolloutJob(request(space.name, ROLLOUT_SHAPE)), {
    stage: 'print()',
    companion: listAtEnd('/clawgym/workspace'),
    agent: reachOut(GATEWAY, doors),
  });
  const all = [GATEWAY, ...doors].map(({ name }) => name);
  expect(linesOf(said['agent'])).toEqual([all.toSorted()]);
});

const linesOf = (text = ''): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

test('a verify pod, from inside', { timeout: 240_000 }, async () => {
  await using space = await prepared(true);
  const own = ['/workspace', '/verdict', '/tmp', '/logs/verifier', '/dev/shm'];
  const verifier = ['/verifier', '/tests', '/workspace/reward'];
  const said = await runJob(space, verifyJob(request(space.name, VERIFY_SHAPE)), {
    fetch: layOut([
      '/clawgym/workspace/output',
      '/clawgym/verifier/check',
      '/clawgym/verdict/spec.json',
    ]),
    report: `touch /clawgym/verdict/probe 2>&1\n${listAtEnd('/clawgym/verdict')}`,
    grade: lookAround(
      [...SYSTEM, ...own, ...verifier],
      ['/workspace/output', ...verifier.map((path) => `${path}/check`), '/verdict/spec.json'],
    ),
  });
  expect(JSON.parse(said['fetch'] ?? '')).toMatchObject({ audience: ['clawgym/verify'] });
  expect(said['report']).toMatch(/Read-only file system\nsaw: probe spec\.json\n$/);
  expect(JSON.parse(said['grade'] ?? '')).toEqual({
    ...inside(),
    writable: own,
    seen: Array.from({ length: 5 }, () => 'laid out'),
  });
});

async function ended(space: TestNamespace, selector: string): Promise<Pod> {
  let pod: Pod | undefined;
  await waitUntil(
    async () => {
      [pod] = await space.pods(selector);
      return pod !== undefined && hasEnded(pod);
    },
    { what: `the pod of ${selector} has ended`, seconds: 120 },
  );
  if (pod === undefined) throw new Error('no pod');
  return pod;
}

describe('the preflight pod', () => {
  const finding = async (space: TestNamespace, sandbox: object = {}, hardening: object = {}) => {
    const batch = podBatch({ sandbox }, space.name);
    const settings = zPodSettings.parse({ ...installation.settings, hardening });
    const pod = preflightPod('preflight', batch, { ...installation, settings }, cluster);
    pod.metadata.ownerReferences = [];
    await create(pod);
    await space.waitFor('preflight', hasEnded, 120);
    return preflightFinding(zPreflightPod.parse(await layer.api.get(space.path('pods/preflight'))));
  };

  test('behind the policies reaches the server and nothing else', {
    timeout: 240_000,
  }, async () => {
    await using space = await prepared(true);
    expect(await finding(space)).toMatchObject({ status: 'True', reason: 'Probed' });
  });

  test('without policies says what it reaches', { timeout: 240_000 }, async () => {
    await using space = await prepared(false);
    const found = await finding(space);
    expect(found).toMatchObject({ status: 'False', reason: 'Reachable' });
    for (const name of [
      ...['the API server', 'name server', 'another pod', 'a NodePort service'],
      ...['the metadata address', 'the internet'],
    ])
      expect(found?.message).toContain(name);
  });

  const appArmorProfile = { type: 'RuntimeDefault' };
  test.each([
    [
      'strictGroups',
      { supplementalGroupsPolicy: 'Strict' },
      'SupplementalGroupsPolicyNotSupported',
    ],
    ['appArmor', { appArmorProfile }, 'AppArmor'],
  ])('with %s runs, or its node cannot', { timeout: 240_000 }, async (field, asked, reason) => {
    await using space = await prepared(true);
    const found = await finding(space, {}, { [field]: true });
    // A field that was never put on the pod would run everywhere.
    const pod = await layer.api.get(space.path('pods/preflight'));
    expect(pod).toMatchObject({ spec: { securityContext: asked } });
    if (found?.status === 'True') return;
    expect(found).toMatchObject({ status: 'Unknown', reason: 'ProbeFailed' });
    expect(found?.message).toContain(reason);
  });

  test("meets the kubelet's limit of processes", { timeout: 240_000 }, async () => {
    await using space = await prepared(true);
    const [node] = layer.nodes;
    await using _limited = await node?.configureKubelet({ podPidsLimit: 300 });
    const found = await finding(space, onNode(node?.name ?? ''));
    expect(found).toMatchObject({ status: 'True', reason: 'Probed' });
    expect(found?.podPidsLimit).toBeGreaterThan(280);
    expect(found?.podPidsLimit).toBeLessThanOrEqual(300);
  });
});
