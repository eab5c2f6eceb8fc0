import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import { ensurePrograms } from './binaries.ts';
import type { ClusterHost } from './cluster-host.ts';
import { startControlPlane } from './control-plane.ts';
import { kwokStages } from './kwok-stages.ts';
import type { LayerOptions, StartedLayer } from './layer.ts';

const run = promisify(execFile);
const LOOPBACK = '127.0.0.1';
const SIMULATED_NODES = 20;
const PODS_PER_NODE = 500;
const READY_SECONDS = 60;
const READY_PATH = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
/** The scheduler's own 50 and 100 a second make Jobs of thousands of pods wait for the client alone. */
const RATE = ['--kube-api-qps=200', '--kube-api-burst=400'];
/**
 * A control plane that serves thousands of pods has gigabytes of heap, and Go collects it seldom. Of a
 * young one it collects the small heap again and again, for a third of the processor time; a limit that
 * the heap comes near to costs the same: with 2 GiB it was a third again after 1,900 rollouts.
 */
const SEASONED = { GOGC: '400', GOMEMLIMIT: '8GiB' };

/**
 * The apiserver layer with nodes that KWOK simulates: pods are scheduled, run at once and, where a
 * Job owns them, succeed; sandbox pods wait for somebody who plays their kubelet and their programs, and ends those that are deleted.
 * Its facts: `nodes`, the number of simulated nodes.
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
    controllerManagerFlags: options.controllerManagerFlags ?? [],
    schedulerFlags: RATE,
    programEnv: SEASONED,
  });
  const count = options.simulatedNodes ?? SIMULATED_NODES;
  const ask = async (args: readonly string[]): Promise<string> =>
    (await run(kubectl, ['--kubeconfig', kubeconfig, ...args], { env: host.env })).stdout;
  host.logger.info({}, `starting ${count} simulated nodes`);
  const manifest = join(host.stateFolder, 'nodes.json');
  const stages = join(host.stateFolder, 'stages.yaml');
  await writeFile(manifest, JSON.stringify(nodeList(count)));
  await writeFile(
    stages,
    kwokStages()
      .map((stage) => JSON.stringify(stage))
      .join('\n---\n'),
  );
  await ask(['create', '--filename', manifest]);
  const allReady = async (): Promise<boolean> => {
    const states = (await ask(['get', 'nodes', '-o', `jsonpath=${READY_PATH}`])).split('\n');
    return states.filter((state) => state === 'True').length === count;
  };
  const flags = [
    '--manage-all-nodes',
    '--cidr=10.0.0.1/8',
    '--node-lease-duration-seconds=40',
    // Their kubelet is played by somebody else; matching each of their changes cost KWOK most of its time.
    `--disregard-status-with-label-selector=${LABELS.sandbox}=true`,
    '-v=WARN',
  ];
  const argv = [kwok, '--kubeconfig', kubeconfig, '--config', stages, ...flags] as const;
  const readySeconds = READY_SECONDS;
  await host.programs.start(
    { name: 'kwok', argv, env: SEASONED, ready: allReady, readySeconds },
    host.signal,
  );
  return { kubeconfig, kubectl, facts: { nodes: String(count) } };
}

function nodeList(count: number): object {
  const resources = {
    ...{ cpu: '64', memory: '512Gi', 'ephemeral-storage': '16Ti' },
    pods: String(PODS_PER_NODE),
  };
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
