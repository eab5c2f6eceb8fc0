import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { localVolume, sharedVolume } from '../cluster/node/base-objects.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { nodeLayer } from '../support/pods/node-layer-bed.ts';
import {
  onNode,
  podSpec,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  shell,
} from '../support/pods/pod-manifest.ts';
import { conditionOf, endOf, hasEnded, isReady, isRunning } from '../support/pods/pod-status.ts';
import { TestNamespace } from '../support/pods/test-namespace.ts';

const layer = nodeLayer();
const NODES = layer.nodes.map(({ name }) => name);
const WAIT = shell('trap "exit 0" TERM; sleep 3600 & wait');
afterAll(() => layer[Symbol.asyncDispose]());

test('two nodes are Ready, each with pods of a subnet of its own', async () => {
  const zNodes = z.object({
    items: z.array(
      z.object({
        metadata: z.object({ name: z.string() }),
        spec: z.object({ podCIDR: z.string() }),
        status: z.object({ addresses: z.array(z.object({ address: z.string() })) }),
      }),
    ),
  });
  const { items } = zNodes.parse(await layer.api.get('/api/v1/nodes'));
  expect(items.map(({ metadata, spec }) => [metadata.name, spec.podCIDR])).toEqual([
    ['node-1', '10.244.0.0/24'],
    ['node-2', '10.244.1.0/24'],
  ]);
  await Promise.all(layer.nodes.map((node) => node.waitReady()));
});

test('nothing of the cluster listens where the host does', async () => {
  const { hostAddress } = layer.state;
  const ports = [6443, 2379, 10_250, 10_256];
  const dial = ports.map(
    (port) => `timeout 2 bash -c 'exec 3<>/dev/tcp/${hostAddress}/${port}' 2>&1 || echo closed`,
  );
  const [node] = layer.nodes;
  const said = await node?.run(['sh', '-c', dial.join('; ')]);
  expect(said?.match(/^closed$/gm)).toHaveLength(ports.length);
});

describe.concurrent('pods', () => {
  test('of both nodes answer a Service by address and by name', { timeout: 120_000 }, async () => {
    await using space = await TestNamespace.create(layer);
    const serve = 'mkdir /tmp/w && hostname > /tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w';
    const probe = { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 };
    const labels = { app: 'web' };
    await space.create('apps/v1', 'Deployment', 'web', {
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...podSpec([shell(serve, { readinessProbe: probe })], { restartPolicy: 'Always' }),
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: 'kubernetes.io/hostname',
                whenUnsatisfiable: 'DoNotSchedule',
                labelSelector: { matchLabels: labels },
              },
            ],
          },
        },
      },
    });
    await space.create('v1', 'Service', 'web', {
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await Promise.all(
      NODES.map((name) => space.pod(`from-${name}`, podSpec([WAIT], onNode(name)))),
    );
    await Promise.all(NODES.map((name) => space.waitFor(`from-${name}`, isRunning)));
    await waitUntil(async () => (await space.pods('app=web')).every(isReady), {
      what: 'both pods of the Deployment are ready',
      seconds: 60,
    });
    const web = await space.pods('app=web');
    expect(new Set(web.map(({ spec }) => spec.nodeName))).toEqual(new Set(NODES));
    const zService = z.object({ spec: z.object({ clusterIP: z.string() }) });
    const { spec } = zService.parse(await layer.api.get(space.path('services/web')));
    const names = web.map(({ metadata }) => metadata.name).toSorted();
    for (const target of [spec.clusterIP, 'web', `web.${space.name}.svc.cluster.local`]) {
      for (const name of NODES) {
        const ask = `for i in $(seq 8); do timeout 5 wget -qO- http://${target}/; done | sort -u`;
        const seen = new Set<string>();
        await waitUntil(
          async () => {
            for (const pod of (await space.exec(`from-${name}`, ask)).trim().split('\n'))
              seen.add(pod);
            return names.every((pod) => seen.has(pod));
          },
          { what: `pods of both nodes answer ${target} from ${name}`, seconds: 30 },
        );
        expect([...seen].toSorted()).toEqual(names);
      }
    }
    // The API server reaches pods: what webhooks and aggregated APIs need.
    const proxied = space.path(`pods/${names[0]}:8080/proxy/`);
    expect(await layer.api.text(proxied)).toBe(`${names[0]}\n`);
  });

  test('reach a server of the host, and the host sees the address of their node', async () => {
    await using space = await TestNamespace.create(layer);
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.socket.remoteAddress ?? '');
      response.end('from the host');
    });
    try {
      server.listen(0, layer.state.hostAddress);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const url = `http://${layer.state.hostAddress}:${port}/`;
      await space.pod('client', podSpec([shell(`timeout 10 wget -qO- ${url}`)], onNode('node-2')));
      await space.waitFor('client', hasEnded);
      expect(await space.logs('client')).toBe('from the host');
      expect(seen).toEqual([layer.node('node-2').state.address]);
    } finally {
      server.close();
    }
  });

  test('give their logs, and take commands', async () => {
    await using space = await TestNamespace.create(layer);
    await space.pod('one', podSpec([shell('echo started; sleep 3600')]));
    await space.waitFor('one', isRunning);
    expect(await space.logs('one')).toBe('started\n');
    expect(await space.exec('one', 'echo $((6 * 7)); hostname')).toBe('42\none\n');
  });

  test('cannot start more processes than the kubelet allows', async () => {
    await using space = await TestNamespace.create(layer);
    const bomb = 'i=0; while [ $i -lt 1100 ]; do sleep 60 & i=$((i+1)); done; echo all';
    await space.pod('bomb', podSpec([shell(bomb)]));
    const pod = await space.waitFor('bomb', hasEnded);
    expect(endOf(pod, 'main')).toMatch(/^[1-9]\d* Error$/);
    expect(await space.logs('bomb')).toMatch(/can't fork/);
  });
});

describe.concurrent('volumes', () => {
  test('a local volume stays with its node and keeps what a pod wrote', async () => {
    await using space = await TestNamespace.create(layer);
    await layer.api.apply(localVolume(layer.node('node-2').state, `${space.name}-local`));
    await claim(space, 'local', 'ReadWriteOnce', `${space.name}-local`);
    await space.pod('writer', mounting(shell('echo kept > /data/file && cat /proc/mounts')));
    const writer = await space.waitFor('writer', hasEnded);
    expect([writer.status.phase, writer.spec.nodeName]).toEqual(['Succeeded', 'node-2']);
    await space.pod('reader', mounting(shell('cat /data/file')));
    const reader = await space.waitFor('reader', hasEnded);
    expect([reader.spec.nodeName, await space.logs('reader')]).toEqual(['node-2', 'kept\n']);
  });

  test('a shared volume is written from both nodes at the same time', async () => {
    await using space = await TestNamespace.create(layer);
    await layer.api.apply(sharedVolume(layer.state.sharedFolder, `${space.name}-shared`));
    await claim(space, 'shared', 'ReadWriteMany', `${space.name}-shared`);
    const both =
      'echo > /data/$(hostname); while [ $(ls /data | wc -l) -lt 2 ]; do sleep 0.1; done';
    await Promise.all(
      NODES.map((name) => space.pod(`on-${name}`, mounting(shell(both), onNode(name)))),
    );
    const ended = await Promise.all(NODES.map((name) => space.waitFor(`on-${name}`, hasEnded)));
    expect(ended.map(({ status }) => status.phase)).toEqual(['Succeeded', 'Succeeded']);
  });
});

async function claim(
  space: TestNamespace,
  storageClassName: string,
  mode: string,
  volumeName: string,
): Promise<void> {
  const resources = { requests: { storage: '1Gi' } };
  await space.create('v1', 'PersistentVolumeClaim', 'data', {
    spec: { storageClassName, accessModes: [mode], resources, volumeName },
  });
}

/** A pod of no special user, as tests with `restricted` have them, with the claim at /data. */
function mounting(container: object, fields: Readonly<Record<string, unknown>> = {}): object {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  return podSpec([{ ...container, ...RESTRICTED_CONTAINER, volumeMounts }], {
    ...RESTRICTED_POD,
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    ...fields,
  });
}

describe.concurrent('admission and scheduling', () => {
  test('simulated GPUs are handed out, and no more than there are', async () => {
    await using space = await TestNamespace.create(layer);
    await layer.node('node-2').simulateGpus(8, { 'nvidia.com/gpu.present': 'true' });
    const gpus = (count: number) => ({ resources: { limits: { 'nvidia.com/gpu': count } } });
    const selector = { nodeSelector: { 'nvidia.com/gpu.present': 'true' } };
    await space.pod('six', podSpec([{ ...WAIT, ...gpus(6) }], selector));
    const six = await space.waitFor('six', isRunning);
    expect(six.spec.nodeName).toBe('node-2');
    await space.pod('four', podSpec([{ ...WAIT, ...gpus(4) }], selector));
    const four = await space.waitFor(
      'four',
      (pod) => conditionOf(pod, 'PodScheduled')?.reason === 'Unschedulable',
    );
    expect(conditionOf(four, 'PodScheduled')?.message).toMatch(/Insufficient nvidia.com\/gpu/);
  });

  test('restricted refuses a bad pod with its reasons and runs a good one', async () => {
    await using space = await TestNamespace.create(layer, 'restricted');
    await expect(space.pod('bad', podSpec([shell('true')]))).rejects.toThrow(
      /violates PodSecurity "restricted.*allowPrivilegeEscalation != false/,
    );
    const whoami = { ...shell('id -u; echo > /tmp/x'), ...RESTRICTED_CONTAINER };
    await space.pod('good', podSpec([whoami], RESTRICTED_POD));
    const good = await space.waitFor('good', hasEnded);
    expect([good.status.phase, await space.logs('good')]).toEqual(['Succeeded', '10001\n']);
  });
});
