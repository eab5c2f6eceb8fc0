import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { leases } from '../../operator/kube/election/lease.ts';
import { freePorts } from '../cluster/free-ports.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { ROOT } from '../support/cli-process.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { tempDir } from '../support/temp-dir.ts';

const cluster = layerCluster();
const LIMIT = { timeout: 60_000, interval: 100 };

beforeAll(async () => installCrds(cluster), 120_000);

/** A server that is starting, as the real one says it. */
async function startingServer(): Promise<string> {
  const server = createServer((_request, response) => {
    const body = { code: 'StoreUnavailable', message: 'the store opens', retryable: true };
    response.writeHead(503, { 'retry-after': '1' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Started {
  readonly child: ChildProcess;
  readonly ops: string;
  readonly ended: Promise<number | null>;
  readonly lines: string[];
}

async function startOperator(namespace: string, url: string, folder: string): Promise<Started> {
  const [port = 0] = await freePorts(1);
  await writeFile(join(folder, 'token'), 'token');
  const pods = {
    images: { pi: 'pi', openclaw: 'openclaw', runner: 'runner' },
    server: { namespace, podLabels: { app: 'server' } },
  };
  await writeFile(join(folder, 'pods.json'), JSON.stringify(pods));
  const flags = [
    ...[`--namespace=${namespace}`, `--namespaces=${namespace}`, '--lease=operator'],
    ...[`--server-url=${url}`, `--server-token-file=${join(folder, 'token')}`],
    ...['--server-service=clawgym-server', `--pod-settings=${join(folder, 'pods.json')}`],
    `--ops-port=${port}`,
  ];
  const child = spawn(process.execPath, [join(ROOT, 'operator/main.ts'), ...flags], {
    env: { PATH: process.env['PATH'], KUBECONFIG: cluster.kubeconfigPath },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...{ timeout: 110_000, killSignal: 'SIGKILL' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  return { child, ops: `http://127.0.0.1:${port}`, ended: promise, lines };
}

test('the process leads, says how it is, waits for its server, and hands its lease over', async () => {
  await using bed = await BatchBed.open(cluster.kubeconfigPath);
  await using folder = await tempDir();
  const operator = await startOperator(bed.namespace, await startingServer(), folder.path);
  const probe = async () =>
    fetch(`${operator.ops}/readyz`).then(
      ({ status }) => status,
      () => 0,
    );
  await expect.poll(probe, LIMIT).toBe(200);
  const lease = async () =>
    (await bed.client.for(leases).get({ namespace: bed.namespace, name: 'operator' }, bed.call))
      .spec?.holderIdentity;
  await bed.create('demo');
  await expect
    .poll(() => bed.condition('demo', 'Progressing'), LIMIT)
    .toBe('Unknown ServerUnavailable');
  expect(await lease()).toMatch(/_/);
  const metrics = await (await fetch(`${operator.ops}/metrics`)).text();
  for (const name of [
    'controller_runtime_reconcile_total{controller="rolloutbatch"',
    'rest_client_requests_total',
    'process_resident_memory_bytes',
  ])
    expect(metrics).toContain(name);
  operator.child.kill('SIGTERM');
  expect(await operator.ended).toBe(0);
  expect(await lease()).toBe('');
  for (const line of operator.lines)
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) });
});
