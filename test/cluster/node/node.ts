import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError } from '../../../src/base/error.ts';
import type { ClusterHost } from '../cluster-host.ts';
import type { ControlPlane } from '../control-plane-options.ts';
import type { ProgramSpec } from '../programs.ts';
import { createCgroupParent } from './cgroups.ts';
import {
  type ClusterNetwork,
  joinNode,
  type NodeAddress,
  POD_CIDR,
  reach,
} from './cluster-network.ts';
import { enterNetwork, enterNode, onlyChild } from './namespaces.ts';
import {
  CONTAINERD_SOCKET,
  containerdConfig,
  initScript,
  kubeletConfig,
  nodePaths,
  packetRules,
  podNetwork,
} from './node-files.ts';
import type { NodeState } from './node-state.ts';
import { runTool } from './run-tool.ts';

const NAMESPACES = ['--mount', '--net', '--uts', '--ipc', '--pid', '--fork', '--kill-child'];
const IMAGE_SECONDS = 120;

/** Names of a node's programs, for stopping and starting them. */
export function nodeProgram(
  node: string,
  program: 'containerd' | 'kubelet' | 'kube-proxy',
): string {
  return `${node}-${program}`;
}

/** Makes the namespaces of a node, joins them to the network and starts containerd in them. */
export async function prepareNode(
  host: ClusterHost,
  network: ClusterNetwork,
  address: NodeAddress,
): Promise<NodeState> {
  const { name } = address;
  const folder = join(host.stateFolder, name);
  const paths = nodePaths(folder);
  const { containerd, kubelet, logs, volumes } = paths;
  for (const path of [containerd, kubelet, logs, volumes]) await mkdir(path, { recursive: true });
  await Promise.all([
    writeFile(paths.init, initScript(name, folder)),
    writeFile(paths.network, podNetwork(address)),
    writeFile(paths.packetRules, packetRules(address, POD_CIDR)),
    writeFile(paths.containerdConfig, containerdConfig(folder)),
  ]);
  const cgroup = `${network.id}-${name}`;
  createCgroupParent(cgroup, host.ledger);
  const pid = await startNamespaces(host, name, folder);
  await joinNode(host, network, address, pid);
  await runTool([...enterNetwork(pid), 'nft', '-f', paths.packetRules], host);
  const node = { ...address, folder, pid, cgroup };
  await startContainerd(host, node);
  return node;
}

async function startNamespaces(host: ClusterHost, name: string, folder: string): Promise<number> {
  const { init, ready } = nodePaths(folder);
  await host.programs.start(
    {
      name,
      argv: ['unshare', ...NAMESPACES, '--mount-proc', '--propagation', 'private', 'bash', init],
      ready: () => Promise.resolve(existsSync(ready)),
      // unshare ignores SIGTERM while its child runs; killing it kills the child.
      stopSeconds: 0,
    },
    host.signal,
  );
  const holder = host.programs.list().find((program) => program.name === name);
  const pid = holder === undefined ? undefined : onlyChild(holder.pid);
  if (pid === undefined) throw new ClawError('Internal', `${name} was started and has no process`);
  return pid;
}

async function startContainerd(host: ClusterHost, node: NodeState): Promise<void> {
  const { containerdConfig: config } = nodePaths(node.folder);
  await host.programs.start(
    {
      name: nodeProgram(node.name, 'containerd'),
      enter: enterNode(node.pid),
      argv: ['containerd', '--config', config],
      ready: async () => {
        await runTool(containerdClient(node, ['version']), host);
        return true;
      },
    },
    host.signal,
  );
}

/** Command line of `ctr` for the images and containers of a node's kubelet. */
export function containerdClient(
  node: Pick<NodeState, 'pid'>,
  args: readonly string[],
): readonly [string, ...string[]] {
  const client = ['ctr', '--address', CONTAINERD_SOCKET, '--namespace', 'k8s.io'];
  return [...enterNode(node.pid), ...client, ...args];
}

/** Loads the tar of an OCI layout or of `docker save`; its name is the one written in it. */
export async function importImage(
  node: Pick<NodeState, 'pid'>,
  tarPath: string,
  { env, signal }: Pick<ClusterHost, 'env' | 'signal'>,
): Promise<void> {
  const argv = containerdClient(node, ['images', 'import', tarPath]);
  await runTool(argv, { env, signal, timeoutSeconds: IMAGE_SECONDS });
}

const SERVICE = { address: '10.96.0.1', port: 443 };
const SERVICE_SECONDS = 90;

function servesServices(
  { env }: ClusterHost,
  node: NodeState,
): Pick<ProgramSpec, 'ready' | 'readySeconds'> {
  return {
    readySeconds: SERVICE_SECONDS,
    ready: async (signal) => {
      await reach({ env, signal }, node.pid, SERVICE);
      return true;
    },
  };
}

export interface NodePrograms {
  readonly kubelet: string;
  readonly 'kube-proxy': string;
}

/** Starts kubelet and kube-proxy; the node joins by itself. */
export async function joinCluster(
  host: ClusterHost,
  node: NodeState,
  plane: ControlPlane,
  programs: NodePrograms,
): Promise<void> {
  const [{ kubeconfig, serving }, proxyKubeconfig] = await Promise.all([
    plane.nodeCredentials(node.name, node.address),
    plane.kubeconfigFor({ name: 'system:kube-proxy' }),
  ]);
  const { kubeletConfig: config } = nodePaths(node.folder);
  const authority = plane.pki.authority.certificate;
  await writeFile(config, kubeletConfig({ authority, serving, cgroup: node.cgroup }));
  const enter = enterNode(node.pid);
  const kubelet = [
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
    '--root-dir=/opt/kubelet',
  ];
  const proxy = [
    `--kubeconfig=${proxyKubeconfig}`,
    `--hostname-override=${node.name}`,
    `--cluster-cidr=${POD_CIDR}`,
    '--proxy-mode=nftables',
    // The table of connections belongs to the whole machine.
    '--conntrack-max-per-core=0',
  ];
  const spec = (program: keyof NodePrograms, flags: readonly string[]): ProgramSpec => ({
    name: nodeProgram(node.name, program),
    enter,
    argv: [programs[program], ...flags],
  });
  await Promise.all([
    host.programs.start(spec('kubelet', kubelet), host.signal),
    // Services work from the node once this answers; a proxy that ends before it shows its log.
    host.programs.start(
      { ...spec('kube-proxy', proxy), ...servesServices(host, node) },
      host.signal,
    ),
  ]);
}
