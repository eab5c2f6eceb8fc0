import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aboveLeaf, enableControllers, enableWithLeaf } from './cgroup-controllers.ts';

/** Controllers that a sandbox's limits and figures come from. */
export const CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuacct'] as const;
export type Controller = (typeof CONTROLLERS)[number];

/**
 * Where cgroups of sandboxes can be made. v1: one folder a controller, `cpuacct` only where it is
 * writable. v2: one folder for all.
 */
export type CgroupLayout =
  | { readonly version: 1; readonly base: Readonly<Partial<Record<Controller, string>>> }
  | { readonly version: 2; readonly base: string };

/** Files of the kernel that say where cgroups are; passed in so that tests can hold them. */
export interface CgroupFacts {
  /** /proc/self/mountinfo. */
  readonly mountinfo: string;
  /** /proc/self/cgroup. */
  readonly own: string;
  readonly isWritable: (folder: string) => boolean;
  /** Makes memory, pids and cpu usable in children of a v2 folder; false where it cannot. */
  readonly enableControllers: (folder: string) => boolean;
  /** The same where processes stand in the way: moves them to a child of the folder. */
  readonly enableWithLeaf: (folder: string) => boolean;
}

/**
 * The layout, or the reason why limits cannot be kept by cgroups. Under v2 alone it may move what runs
 * in this process's own cgroup, where that was delegated to its user, to a child of it.
 */
export function findCgroupLayout(facts: CgroupFacts): CgroupLayout | { readonly reason: string } {
  const mounts = cgroupMounts(facts.mountinfo);
  const own = ownCgroups(facts.own);
  const base: Partial<Record<Controller, string>> = {};
  for (const controller of CONTROLLERS) {
    const folder = v1Base(controller, mounts, own, facts);
    if (folder !== undefined) base[controller] = folder;
  }
  if (base.memory !== undefined && base.pids !== undefined && base.cpu !== undefined) {
    return { version: 1, base };
  }
  const v2 = v2Base(mounts, own, facts);
  if (v2 !== undefined) return { version: 2, base: v2 };
  const missing = CONTROLLERS.slice(0, 3).filter((name) => base[name] === undefined);
  return { reason: `no writable cgroup hierarchy for ${missing.join(', ')}` };
}

/** The host's own facts. */
export function hostCgroupFacts(): CgroupFacts {
  return {
    mountinfo: readOrEmpty('/proc/self/mountinfo'),
    own: readOrEmpty('/proc/self/cgroup'),
    isWritable,
    enableControllers,
    enableWithLeaf,
  };
}

interface CgroupMount {
  readonly folder: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

function cgroupMounts(mountinfo: string): CgroupMount[] {
  return mountinfo.split('\n').flatMap((line): CgroupMount[] => {
    const [left, right] = line.split(' - ');
    const folder = left?.split(' ')[4];
    const [type, , options] = right?.split(' ') ?? [];
    if (folder === undefined || options === undefined) return [];
    if (type === 'cgroup') return [{ folder, version: 1, controllers: options.split(',') }];
    return type === 'cgroup2' ? [{ folder, version: 2, controllers: [] }] : [];
  });
}

/** Path of this process in each hierarchy, by controller; '' is the v2 hierarchy. */
function ownCgroups(own: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of own.split('\n')) {
    const [, controllers, ...path] = line.split(':');
    for (const name of controllers?.split(',') ?? []) paths.set(name, path.join(':'));
  }
  return paths;
}

/** Below the own cgroup, so that limits of an outer container still hold; else at the top. */
function candidates(folder: string, ownPath: string | undefined): string[] {
  return ownPath === undefined || ownPath === '/' ? [folder] : [join(folder, ownPath), folder];
}

function v1Base(
  controller: Controller,
  mounts: readonly CgroupMount[],
  own: ReadonlyMap<string, string>,
  facts: CgroupFacts,
): string | undefined {
  const mount = mounts.find((m) => m.version === 1 && m.controllers.includes(controller));
  if (mount === undefined) return undefined;
  return candidates(mount.folder, own.get(controller)).find(facts.isWritable);
}

function v2Base(
  mounts: readonly CgroupMount[],
  own: ReadonlyMap<string, string>,
  facts: CgroupFacts,
): string | undefined {
  const mount = mounts.find((m) => m.version === 2);
  if (mount === undefined) return undefined;
  const ownPath = aboveLeaf(own.get('') ?? '/');
  const folders = candidates(mount.folder, ownPath).filter(facts.isWritable);
  // The top is never emptied: it is the host's or a container's, and its processes are not ours.
  return (
    folders.find(facts.enableControllers) ??
    folders.filter((folder) => folder !== mount.folder).find(facts.enableWithLeaf)
  );
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return existsSync(join(folder, 'cgroup.procs'));
  } catch {
    return false;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
