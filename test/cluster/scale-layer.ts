import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePrograms } from './binaries.ts';
import type { ClusterHost } from './cluster-host.ts';
import { startControlPlane } from './control-plane.ts';
import type { LayerOptions, StartedLayer } from './layer.ts';
import { waitUntil } from './wait-until.ts';

const run = promisify(execFile);
const LOOPBACK = '127.0.0.1';
const SIMULATED_NODES = 20;
const PODS_PER_NODE = 500;
const READY_SECONDS = 60;
/** The defaults of 20 and 30 a second make Jobs of thousands of pods wait for the client alone. */
const RATE = ['--kube-api-qps=200', '--kube-api-burst=400'];

/**
 * The apiserver layer with nodes that KWOK simulates: pods are scheduled, run at once and, where a
 * Job owns them, succeed. Its facts: `nodes`, the number of simulated nodes.
 */
export async function startScaleLayer(
  host: ClusterHost,
  options: LayerOptions,
): Promise<StartedLayer> {
  const { kwok } = await ensurePrograms(['kwok'], host);
  const { kubeconfig, kubectl } = await startControlPlane(host, {
    bindAddress: LOOPBACK,
    advertiseAddress: LOOPBACK,
    release: options.release ?? 'current',
    apiServerFlags: options.apiServerFlags ?? [],
    controllerManagerFlags: [...RATE, ...(options.controllerManagerFlags ?? [])],
    schedulerFlags: RATE,
  });
  const argv = [kwok, '--kubeconfig', kubeconfig, '--manage-all-nodes', '--cidr', '10.0.0.1/8'];
  const lease = ['--node-lease-duration-seconds', '40'];
  await host.programs.start(
    { name: 'kwok', argv: [kwok, ...argv.slice(1), ...lease] },
    host.signal,
  );
  const count = options.simulatedNodes ?? SIMULATED_NODES;
  const ask = async (args: readonly string[]): Promise<string> =>
    (await run(kubectl, ['--kubeconfig', kubeconfig, ...args], { env: host.env })).stdout;
  const manifest = join(host.stateFolder, 'nodes.json');
  await writeFile(manifest, JSON.stringify(nodeList(count)));
  await ask(['create', '--filename', manifest]);
  const jsonpath = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const allReady = async (): Promise<boolean> => {
    const states = (await ask(['get', 'nodes', '-o', `jsonpath=${jsonpath}`])).split('\n');
    return states.filter((state) => state === 'True').length === count;
  };
  const what = `${count} simulated nodes are ready`;
  await waitUntil(allReady, { what, seconds: READY_SECONDS, signal: host.signal });
  return { kubeconfig, kubectl, facts: { nodes: String(count) } };
}

function nodeList(count: number): object {
  const resources = { cpu: '64', memory: '256Gi', pods: String(PODS_PER_NODE) };
  const items = Array.from({ length: count }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `simulated-${index}`,
      labels: { 'kubernetes.io/hostname': `simulated-${index}`, type: 'kwok' },
    },
    status: { capacity: resources, allocatable: resources, phase: 'Running' },
  }));
  return { apiVersion: 'v1', kind: 'List', items };
}
