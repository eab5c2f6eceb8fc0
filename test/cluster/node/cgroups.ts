import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ledger } from '../ledger.ts';

export const CGROUP_ROOT = '/sys/fs/cgroup';

/** True where the kernel runs every controller in the one hierarchy of cgroup v2. */
export function isCgroupV2(root: string = CGROUP_ROOT): boolean {
  return existsSync(join(root, 'cgroup.controllers'));
}

/**
 * Makes the cgroup that all pods of a node live below, in every hierarchy, so that two kubelets of
 * one host do not fight for `/kubepods`. Recorded in the ledger before it is made.
 */
export function createCgroupParent(name: string, ledger: Ledger, root: string = CGROUP_ROOT): void {
  for (const parent of hierarchies(root)) {
    const path = join(parent, name);
    ledger.record({ kind: 'cgroup', path });
    mkdirSync(path, { recursive: true });
    if (isCgroupV2(root)) delegateControllers(parent, path);
    // A new cpuset of cgroup v1 is empty, and no process can enter it.
    else for (const file of ['cpuset.cpus', 'cpuset.mems']) copyValue(parent, path, file);
  }
}

/** Paths of the cgroups that `createCgroupParent` made under this name. */
export function cgroupPaths(name: string, root: string = CGROUP_ROOT): readonly string[] {
  return hierarchies(root)
    .map((parent) => join(parent, name))
    .filter((path) => existsSync(path));
}

/** With cgroup v1 each controller has one, and runc also uses `unified` where that is mounted. */
function hierarchies(root: string): readonly string[] {
  if (isCgroupV2(root)) return [root];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name));
}

/** cgroup v2: a child has the controllers that its parent hands on. */
function delegateControllers(parent: string, path: string): void {
  const controllers = readFileSync(join(parent, 'cgroup.controllers'), 'utf8').trim().split(/\s+/);
  const enable = controllers.map((controller) => `+${controller}`).join(' ');
  for (const folder of [parent, path])
    writeFileSync(join(folder, 'cgroup.subtree_control'), enable);
}

function copyValue(parent: string, path: string, file: string): void {
  if (!existsSync(join(path, file))) return;
  writeFileSync(join(path, file), readFileSync(join(parent, file)));
}
