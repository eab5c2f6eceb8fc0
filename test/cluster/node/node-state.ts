import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import { ClawError } from '../../../src/base/error.ts';
import type { Cluster } from '../cluster.ts';

const zNodeState = z.object({
  /** Name of the Node object and of the host inside the namespaces. */
  name: z.string(),
  /** In the network of the cluster. */
  address: z.string(),
  /** Addresses of its pods, CIDR. */
  podSubnet: z.string(),
  /** Holds everything of the node; at the same path inside and outside of its namespaces. */
  folder: z.string(),
  /** First process of the node's pid namespace, as the host numbers it. */
  pid: z.number().int().positive(),
  /** Parent of the cgroups of its pods, relative to each cgroup mount. */
  cgroup: z.string(),
});

const zNodeLayerState = z.object({
  /** Part of every name that the cluster makes on the host. */
  id: z.string(),
  /** Where the API server and pods reach servers that listen on the host's end of the network. */
  hostAddress: z.string(),
  /** Addresses of all pods, CIDR. */
  podCidr: z.string(),
  /** A folder that the volumes of the StorageClass `shared` lie in, on every node. */
  sharedFolder: z.string(),
  /** A process in the network namespace of the control plane. */
  networkPid: z.number().int().positive(),
  nodes: z.array(zNodeState),
});

export type NodeState = Readonly<z.infer<typeof zNodeState>>;
/** What other processes need to reach into a running node layer; holds no secret. */
export type NodeLayerState = Readonly<z.infer<typeof zNodeLayerState>>;

const FACT = 'node-layer';

/** The state as the layer's facts carry it to other processes. */
export function nodeLayerFacts(state: NodeLayerState): Readonly<Record<string, string>> {
  return { [FACT]: JSON.stringify(state) };
}

/** Fails with `NotFound` where the cluster has no node layer of ours. */
export function readNodeLayerState({ facts, record }: Cluster): NodeLayerState {
  const text = facts[FACT];
  if (text !== undefined) return zNodeLayerState.parse(parseJson(text));
  throw new ClawError(
    'NotFound',
    `the cluster of ${record.kubeconfig} is of layer ${record.layer} and has no nodes made here: start layer node`,
  );
}
