import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';
import { namespaceObjects } from '../../src/engines/kubernetes/namespace-objects.ts';
import { preflightFinding, zPreflightPod } from '../../src/engines/kubernetes/preflight-finding.ts';
import { type PreflightCluster, preflightPod } from '../../src/engines/kubernetes/preflight-pod.ts';
import { rolloutJob } from '../../src/engines/kubernetes/rollout-job.ts';
import type { PodInstallation } from '../../src/engines/kubernetes/settings.ts';
import { imageReference } from '../cluster/images/image-names.ts';
import { enforcerStatusPath, waitEnforced } from '../cluster/network-policy/enforcer-status.ts';
import type { Manifest } from '../cluster/node/cluster-api.ts';
import { waitUntil } from '../cluster/wait-until.ts';
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
import { podBatch, ROLLOUT_SHAPE, sandboxRequest } from '../support/sandbox-request.ts';

/**
 * A built rollout pod with the real image on a real node, its programs replaced by ones that say
 * what they see: what the fields of the pod come to. And what such a pod reaches.
 */
const layer = nodeLayer();
const SERVE = 'mkdir /tmp/w; httpd -p 8080 -h /tmp/w; exec httpd -f -p 8443 -h /tmp/w';
const SERVER_LABELS = { app: 'server' };

const AGENT = `
import json, os, socket
def status(name):
    with open("/proc/self/status") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith(name + ":"))
def writable(path):
    try:
        with open(os.path.join(path, "probe"), "w") as file: file.write("x")
        return True
    except OSError: return False
def looks_up(name):
    try: return bool(socket.getaddrinfo(name, 443))
    except OSError: return False
def read(path):
    with open(path) as file: return file.read()
print(json.dumps({
    "ids": status("Uid") + "/" + status("Gid") + "/" + status("Groups"),
    "capabilities": [status(name) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "noNewPrivs": status("NoNewPrivs"), "seccomp": status("Seccomp"),
    "writable": {path: writable(path) for path in
        ("/", "/etc", "/opt", "/var/tmp", "/home", "/agent", "/workspace", "/tmp", "/run/clawgym/report", "/dev/shm")},
    "secrets": [path for path in ("/var/run/secrets", "/var/run/clawgym/token/token", "/clawgym/state/ready") if os.path.exists(path)],
    "env": sorted(os.environ), "host": socket.gethostname(), "cwd": os.getcwd(),
    "lookup": [looks_up(name) for name in ("kubernetes.default.svc", "example.com")],
    "server": socket.gethostbyname("clawgym-server.sandbox.internal"),
    "resolv": read("/etc/resolv.conf"),
    "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
    "stage": read("/agent/from-stage"),
}))
`;
/** Writes what the agent must see, and says what its own token is. */
const STAGE = `
import base64, json
with open("/clawgym/agent/from-stage", "w") as file: file.write("laid out")
token = open("/var/run/clawgym/token/token").read()
body = token.split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
print(json.dumps({"audience": claims["aud"], "life": claims["exp"] - claims["iat"],
    "account": claims["kubernetes.io"]["serviceaccount"]["name"]}))
`;
const COMPANION = `
trap 'echo saw: $(ls /clawgym/workspace); exit 0' TERM
touch /clawgym/state/ready
sleep 600 & wait`;

let server: TestNamespace;
let serverAddress = '';
let installation: PodInstallation;
let cluster: PreflightCluster;

beforeAll(async () => {
  await loadImages(layer, ['runner']);
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
  const { settings, features } = request('runs').installation;
  installation = { settings, features, server: { clusterIP: serverAddress, caBundle: 'PEM' } };
  cluster = {
    apiServer: { host: '$KUBERNETES_SERVICE_HOST', port: 443 },
    nameServers: [await addressOf('/api/v1/namespaces/kube-system/services/kube-dns')],
    otherPod: { host: pod.status.podIP ?? '', port: 8080 },
    nodePort: { host: '$HOST_IP', port: service.spec.ports[1]?.nodePort ?? 0 },
  };
}, 600_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await layer[Symbol.asyncDispose]();
});

const zService = z.object({
  spec: z.object({
    clusterIP: z.string(),
    ports: z.array(z.object({ nodePort: z.number().optional() })),
  }),
});

async function addressOf(path: string): Promise<string> {
  return zService.parse(await layer.api.get(path)).spec.clusterIP;
}

function request(namespace: string) {
  const runner = imageReference('runner');
  const shape = { ...ROLLOUT_SHAPE, image: { reference: runner }, memoryMiB: 256 };
  const batch = podBatch({}, namespace);
  const made = sandboxRequest(shape, { batch, runner, imagePullPolicy: 'Never' });
  return { ...made, job: { ...made.job, length: 1 }, parallelism: 1 };
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

test('a rollout pod, from inside', { timeout: 240_000 }, async () => {
  await using space = await prepared(true);
  const job = rolloutJob({ ...request(space.name), installation });
  const programs: Record<string, string[]> = {
    stage: ['/usr/bin/python3', '-c', STAGE],
    companion: ['/bin/bash', '-c', COMPANION],
    agent: ['/usr/bin/python3', '-c', AGENT],
  };
  const { spec } = job.spec.template;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    container.command = programs[container.name] ?? [];
  }
  // The batch is not in this cluster: its Job would be collected.
  job.metadata.ownerReferences = [];
  await create(job);
  const pod = await ended(space, `batch.kubernetes.io/job-name=${job.metadata.name}`);
  expect(['stage', 'companion', 'agent'].map((name) => endOf(pod, name))).toEqual([
    '0 Completed',
    '0 Completed',
    '0 Completed',
  ]);
  expect(JSON.parse(await space.logs(pod.metadata.name, 'stage'))).toEqual({
    audience: ['clawgym/rollout'],
    // The kubelet asks for a little more than it was told and the API server may round.
    life: expect.closeTo(3600, -2),
    account: 'clawgym-sandbox',
  });
  expect(await space.logs(pod.metadata.name, 'companion')).toBe('saw: probe\n');
  const seen = JSON.parse(await space.logs(pod.metadata.name, 'agent')) as { env: string[] };
  const { env, ...rest } = seen;
  expect(rest).toEqual({
    ids: expect.stringMatching(
      /^65534\s+65534\s+65534\s+65534\/65534\s+65534\s+65534\s+65534\/65534$/,
    ),
    capabilities: Array.from({ length: 5 }, () => '0000000000000000'),
    noNewPrivs: '1',
    seccomp: '2',
    writable: {
      ...{ '/': false, '/etc': false, '/opt': false, '/var/tmp': false, '/home': false },
      ...{ '/agent': false, '/workspace': true, '/tmp': true },
      ...{ '/run/clawgym/report': true, '/dev/shm': true },
    },
    secrets: [],
    host: 'sandbox',
    cwd: '/',
    lookup: [false, false],
    server: serverAddress,
    resolv: expect.stringContaining('nameserver 127.0.0.1') as string,
    shm: 64 * 1024 * 1024,
    stage: 'laid out',
  });
  expect(env.filter((name) => /CLAWGYM|TOKEN|SERVER_(CA|URL)/.test(name))).toEqual([]);
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
  const finding = async (space: TestNamespace, sandbox: object = {}) => {
    const batch = podBatch({ sandbox }, space.name);
    const pod = preflightPod('preflight', batch, installation, cluster);
    pod.metadata.ownerReferences = [];
    await create(pod);
    await space.waitFor('preflight', hasEnded, 120);
    return preflightFinding(zPreflightPod.parse(await layer.api.get(space.path('pods/preflight'))));
  };

  test('behind the policies reaches the server and nothing else', {
    timeout: 240_000,
  }, async () => {
    await using space = await prepared(true);
    expect(await finding(space)).toMatchObject({ status: 'True', reason: 'Isolated' });
  });

  test('without policies says what it reaches', { timeout: 240_000 }, async () => {
    await using space = await prepared(false);
    const found = await finding(space);
    expect(found).toMatchObject({ status: 'False', reason: 'Reachable' });
    for (const name of ['the API server', 'name server', 'another pod', 'a NodePort service']) {
      expect(found?.message).toContain(name);
    }
  });

  test("meets the kubelet's limit of processes", { timeout: 240_000 }, async () => {
    await using space = await prepared(true);
    const [node] = layer.nodes;
    await using _limited = await node?.configureKubelet({ podPidsLimit: 300 });
    const found = await finding(space, onNode(node?.name ?? ''));
    expect(found).toMatchObject({ status: 'True', reason: 'Isolated' });
    expect(found?.podPidsLimit).toBeGreaterThan(280);
    expect(found?.podPidsLimit).toBeLessThanOrEqual(300);
  });
});
