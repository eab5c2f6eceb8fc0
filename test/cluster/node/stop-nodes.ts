import { readdirSync, readFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterHost } from '../cluster-host.ts';
import { waitUntil } from '../wait-until.ts';
import { cgroupPaths } from './cgroups.ts';
import type { NodeLayerState } from './node-state.ts';

const EMPTY_SECONDS = 20;

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

async function removeCgroup(path: string): Promise<void> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  }
  await waitUntil(() => readFileSync(join(path, 'cgroup.procs'), 'utf8') === '', {
    what: `no process in ${path}`,
    seconds: EMPTY_SECONDS,
  });
  await rmdir(path);
}
