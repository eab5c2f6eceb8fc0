import type { ClusterHost } from '../cluster-host.ts';
import { removeCgroup } from '../remove-cgroup.ts';
import { cgroupPaths } from './cgroups.ts';
import type { NodeLayerState } from './node-state.ts';

/**
 * Ends the nodes before the control plane. Killing the first process of a node's pid namespace makes
 * the kernel kill everything in it (kubelet, containerd, its shims, every container), and nothing can
 * escape; mounts, interfaces and pod networks go with the last of them. Then the cgroups are empty.
 */
export async function stopNodes(host: ClusterHost, state: NodeLayerState): Promise<void> {
  await Promise.all(
    state.nodes.map(async ({ name, cgroup }) => {
      await host.programs.stop(name);
      for (const path of cgroupPaths(cgroup)) await removeCgroup(path);
    }),
  );
}
