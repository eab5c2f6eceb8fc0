import { randomInt } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { ClawError } from '../../../src/base/error.ts';
import type { ClusterHost } from '../cluster-host.ts';
import { enterNetwork } from './namespaces.ts';
import { bridgeSettings, POD_BRIDGE } from './node-files.ts';
import { runTool } from './run-tool.ts';

/** Addresses and the namespace that joins nodes, control plane and host. */
export interface ClusterNetwork {
  /** Part of every name that the cluster makes on the host. */
  readonly id: string;
  /** Process that keeps the namespace of bridge and control plane alive. */
  readonly pid: number;
  readonly controlPlaneAddress: string;
  readonly hostAddress: string;
  readonly nodes: readonly NodeAddress[];
}

export interface NodeAddress {
  readonly name: string;
  readonly address: string;
  readonly podSubnet: string;
}

/** All pods; the same in every cluster, for no route to it leaves the cluster's namespaces. */
export const POD_CIDR = '10.244.0.0/16';
const BRIDGE = 'nodes';
/** RFC 2544 sets 198.18.0.0/15 apart for tests, so it is nobody's real network. */
const PREFIX = '198.18';
const FIRST_OCTET = 2;
const LAST_OCTET = 250;
const TRIES = 50;
const HOLDER = 'network';

/**
 * One network namespace with a bridge for everything of a cluster; a veth pair joins it to the host,
 * so that tests reach the API server while nothing of the cluster listens on the host's interfaces.
 */
export async function createNetwork(host: ClusterHost, nodeCount: number): Promise<ClusterNetwork> {
  const octet = chooseOctet();
  const id = `clawgym-t${octet}`;
  const at = (last: number): string => `${PREFIX}.${octet}.${last}`;
  const nodes = Array.from({ length: nodeCount }, (_, index) => ({
    name: `node-${index + 1}`,
    address: at(11 + index),
    podSubnet: `10.244.${index}.0/24`,
  }));
  const pid = await startHolder(host);
  const left = `/sys/class/net/${id}`;
  host.ledger.record({ kind: 'undo', argv: ['ip', 'link', 'delete', id], left });
  const network = { id, pid, nodes, controlPlaneAddress: at(1), hostAddress: at(254) };
  await configure(host, network);
  return network;
}

async function configure(host: ClusterHost, network: ClusterNetwork): Promise<void> {
  const { id, pid } = network;
  // One process for all of it: `ip -batch` stops at the first line that fails.
  const inside = [
    'link set lo up',
    `link add ${BRIDGE} type bridge`,
    `address add ${network.controlPlaneAddress}/24 dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
    ...network.nodes.map(({ address, podSubnet }) => `route add ${podSubnet} via ${address}`),
  ];
  const outside = [
    `link add ${id} type veth peer name host netns ${pid}`,
    `address add ${network.hostAddress}/24 dev ${id}`,
    `link set ${id} up`,
  ];
  await ipBatch(host, 'network-inside', inside, enterNetwork(pid));
  await ipBatch(host, 'network-outside', outside, []);
  await ipBatch(host, 'network-join', [`link set host master ${BRIDGE} up`], enterNetwork(pid));
}

/** Joins the namespace of a node, held by `nodePid`, to the bridge as its `eth0`. */
export async function joinNode(
  host: ClusterHost,
  network: ClusterNetwork,
  node: NodeAddress,
  nodePid: number,
): Promise<void> {
  const others = network.nodes.filter(({ name }) => name !== node.name);
  await ipBatch(
    host,
    `${node.name}-outside`,
    [
      `link add ${node.name} type veth peer name eth0 netns ${nodePid}`,
      `link set ${node.name} master ${BRIDGE} up`,
    ],
    enterNetwork(network.pid),
  );
  await ipBatch(
    host,
    `${node.name}-inside`,
    [
      'link set lo up',
      `address add ${node.address}/24 dev eth0`,
      'link set eth0 up',
      `route add default via ${network.hostAddress}`,
      ...others.map(({ address, podSubnet }) => `route add ${podSubnet} via ${address}`),
      // The network plugin would make it with the first pod, too late for settings of it.
      `link add ${POD_BRIDGE} type bridge`,
      `link set ${POD_BRIDGE} up`,
    ],
    enterNetwork(nodePid),
  );
  await runTool([...enterNetwork(nodePid), 'sh', '-c', bridgeSettings()], host);
}

async function startHolder(host: ClusterHost): Promise<number> {
  const ready = join(host.stateFolder, 'network.ready');
  // Bridged frames must not pass the packet filter here: nothing is filtered in this namespace.
  const script = `echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables; echo > ${ready}; exec sleep infinity`;
  await host.programs.start(
    {
      name: HOLDER,
      argv: ['unshare', '--net', 'sh', '-c', script],
      ready: () => Promise.resolve(existsSync(ready)),
      stopSeconds: 1,
    },
    host.signal,
  );
  const holder = host.programs.list().find(({ name }) => name === HOLDER);
  if (holder === undefined)
    throw new ClawError('Internal', `${HOLDER} was started and is not there`);
  return holder.pid;
}

/** The third byte of an unused /24. The name of the veth pair holds it, so two clusters cannot share one. */
function chooseOctet(): number {
  const taken = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const octet = randomInt(FIRST_OCTET, LAST_OCTET);
    if (!taken.some((address) => address.startsWith(`${PREFIX}.${octet}.`))) return octet;
  }
  throw new ClawError(
    'ClusterFailed',
    `no free network in ${PREFIX}.0.0/16: end other test clusters`,
  );
}

async function ipBatch(
  host: ClusterHost,
  name: string,
  lines: readonly string[],
  enter: readonly string[],
): Promise<void> {
  const path = join(host.stateFolder, `${name}.ip`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  const [program, ...rest] = [...enter, 'ip', '-batch', path];
  await runTool([program ?? 'ip', ...rest], host);
}

/** Connects from inside a network namespace to an address and port. Fails where nothing answers within 1 s. */
export async function reach(
  { env, signal }: Pick<ClusterHost, 'env' | 'signal'>,
  pid: number,
  target: { readonly address: string; readonly port: number },
): Promise<void> {
  const connect = `exec 3<>/dev/tcp/${target.address}/${target.port}`;
  const argv = [...enterNetwork(pid), 'timeout', '1', 'bash', '-c', connect] as const;
  const [program, ...rest] = argv;
  await runTool([program, ...rest], { env, signal });
}
