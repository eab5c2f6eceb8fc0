import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ClawError } from '../../../src/base/error.ts';
import { ensurePrograms } from '../binaries.ts';
import type { ClusterHost } from '../cluster-host.ts';
import { startControlPlane } from '../control-plane.ts';
import type { ControlPlane } from '../control-plane-options.ts';
import type { LayerOptions, StartedLayer } from '../layer.ts';
import { startNetworkPolicies } from '../network-policy/start-network-policies.ts';
import { waitUntil } from '../wait-until.ts';
import { dnsObjects, storageObjects } from './base-objects.ts';
import { ClusterApi } from './cluster-api.ts';
import { type ClusterNetwork, createNetwork, POD_CIDR } from './cluster-network.ts';
import { ensureNodeHost } from './host-requirements.ts';
import { type BaseImages, COREDNS_IMAGE, ensureBaseImages } from './images.ts';
import { enterNetwork } from './namespaces.ts';
import { importImage, joinCluster, type NodePrograms, prepareNode } from './node.ts';
import { type NodeLayerState, type NodeState, nodeLayerFacts } from './node-state.ts';
import { stopNodes } from './stop-nodes.ts';

const NODES = 2;
/** Index of the node that runs CoreDNS: the only one that holds its image. */
const DNS_NODE = 0;
const READY_SECONDS = 90;
/** Etcd's usual ports: the namespace has no other user of them. */
const PORTS = { apiServer: 6443, etcdClient: 2379, etcdPeer: 2380 };
const CONTROLLER_MANAGER_FLAGS = [
  // A silent node counts as lost after 10 s, so that tests need not wait for the usual 50 s.
  '--node-monitor-grace-period=10s',
  '--node-monitor-period=2s',
  // A claim that is made before its volume is seen waits for this; the usual period is 15 s.
  '--pvclaimbinder-sync-period=2s',
];

/**
 * Two nodes with real pods: each has its own namespaces, containerd, kubelet, kube-proxy, pod subnet
 * and cgroups on this host; DNS, volumes, Services and
 * NetworkPolicies work. Needs root. Nothing of it listens on the
 * host's own interfaces.
 */
export async function startNodeLayer(
  host: ClusterHost,
  options: LayerOptions,
): Promise<StartedLayer> {
  if (options.release === 'floor') {
    throw new ClawError(
      'InvalidInput',
      'layer node: release floor has no kubelet here, and a newer one may not join an older API server: use layer apiserver',
    );
  }
  await ensureNodeHost(host);
  const [programs, images] = await Promise.all([
    ensurePrograms(['kubelet', 'kube-proxy'], host),
    ensureBaseImages(host),
  ]);
  const network = await createNetwork(host, NODES);
  const [plane, nodes] = await Promise.all([
    startPlane(host, network, options),
    prepareNodes(host, network, images),
  ]);
  const state: NodeLayerState = {
    id: network.id,
    hostAddress: network.hostAddress,
    podCidr: POD_CIDR,
    sharedFolder: join(host.stateFolder, 'shared'),
    networkPid: network.pid,
    nodes,
  };
  const policies = await bringUp(host, { plane, state, programs });
  return {
    kubeconfig: plane.kubeconfig,
    kubectl: plane.kubectl,
    facts: nodeLayerFacts(state),
    stop: async () => {
      await policies[Symbol.asyncDispose]();
      await stopNodes(host, state);
    },
  };
}

/** Namespaces, containerd and images, all before a kubelet could miss one of them. */
async function prepareNodes(
  host: ClusterHost,
  network: ClusterNetwork,
  { pause, busybox, coredns }: BaseImages,
): Promise<NodeState[]> {
  return await Promise.all(
    network.nodes.map(async (address, index) => {
      const node = await prepareNode(host, network, address);
      const images = index === DNS_NODE ? [pause, busybox, coredns] : [pause, busybox];
      // One at a time: containerd makes imports at the same time wait for each other with errors.
      for (const tar of images) await importImage(node, tar, host);
      return node;
    }),
  );
}

function startPlane(
  host: ClusterHost,
  network: ClusterNetwork,
  { apiServerFlags, controllerManagerFlags }: LayerOptions,
): Promise<ControlPlane> {
  return startControlPlane(host, {
    // The namespace has interfaces of the cluster only.
    bindAddress: '0.0.0.0',
    advertiseAddress: network.controlPlaneAddress,
    ports: PORTS,
    enter: enterNetwork(network.pid),
    controllerManagerFlags: [
      ...CONTROLLER_MANAGER_FLAGS,
      // Made where it is missing; the usual one lies in the host's /usr.
      `--flex-volume-plugin-dir=${join(host.stateFolder, 'volume-plugins')}`,
      ...(controllerManagerFlags ?? []),
    ],
    ...(apiServerFlags === undefined ? {} : { apiServerFlags }),
  });
}

interface BringUp {
  readonly plane: ControlPlane;
  readonly state: NodeLayerState;
  readonly programs: NodePrograms;
}

/** Resolves when pods can run on every node; NetworkPolicies are enforced until the result is disposed. */
async function bringUp(
  host: ClusterHost,
  { plane, state, programs }: BringUp,
): Promise<AsyncDisposable> {
  mkdirSync(state.sharedFolder, { recursive: true });
  await using api = new ClusterApi(plane.kubeconfig);
  const [policies] = await Promise.all([
    startNetworkPolicies(host, plane.kubeconfig, state.nodes),
    ...state.nodes.map((node) => joinCluster(host, node, plane, programs)),
    api.applyAll(storageObjects(state.nodes, state.sharedFolder)),
    api.applyAll(dnsObjects(state.nodes[DNS_NODE]?.name ?? '', COREDNS_IMAGE)),
  ]);
  await Promise.all(state.nodes.map((node) => waitReady(host, api, node)));
  await waitForDns(host, api);
  return policies;
}

async function waitReady(host: ClusterHost, api: ClusterApi, node: NodeState): Promise<void> {
  const path = `/api/v1/nodes/${node.name}`;
  await waitUntil(() => api.hasCondition(path, 'Ready'), {
    what: `${node.name} is Ready (its logs lie in ${host.stateFolder})`,
    seconds: READY_SECONDS,
    signal: host.signal,
  });
  // Nobody hands out subnets here; whoever asks the API still reads the right one.
  await api.mergePatch(path, { spec: { podCIDR: node.podSubnet, podCIDRs: [node.podSubnet] } });
}

async function waitForDns(host: ClusterHost, api: ClusterApi): Promise<void> {
  const path = '/apis/apps/v1/namespaces/kube-system/deployments/coredns';
  await waitUntil(() => api.hasCondition(path, 'Available'), {
    what: 'the pod of CoreDNS is ready',
    seconds: READY_SECONDS,
    signal: host.signal,
  });
}
