import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What a v2 cgroup must hand on to its children so that they can be limited. */
const NEEDED = ['memory', 'pids', 'cpu'];
/** The child that takes in the processes of a delegated cgroup, so that its siblings can be limited. */
const LEAF = 'clawgym-own';
/** A process may start another while they are moved. */
const MOVE_ROUNDS = 10;

/** The kernel's cgroup files; passed in so that tests can hold them. Each throws as the kernel does. */
export interface CgroupFiles {
  readonly read: (file: string) => string;
  readonly write: (file: string, text: string) => void;
  readonly makeFolder: (folder: string) => void;
  readonly removeFolder: (folder: string) => void;
}

export const hostCgroupFiles: CgroupFiles = {
  read: (file) => readFileSync(file, 'utf8'),
  write: (file, text) => writeFileSync(file, text),
  makeFolder: (folder) => mkdirSync(folder),
  removeFolder: (folder) => rmdirSync(folder),
};

/**
 * Makes memory, pids and cpu usable in children of a v2 cgroup; false where it cannot. The kernel
 * refuses it to every cgroup that holds processes, except the topmost ("no internal processes").
 */
export function enableControllers(folder: string, files = hostCgroupFiles): boolean {
  return tryEnable(folder, files) === 'enabled';
}

/**
 * The same for a cgroup that holds processes, as the scope that systemd delegates to a user does: they
 * move to a child first. Nothing moves unless their presence is what stands in the way; where it does
 * not come out, they move back. Never call it for the top of a hierarchy.
 */
export function enableWithLeaf(folder: string, files = hostCgroupFiles): boolean {
  const refused = tryEnable(folder, files);
  if (refused !== 'busy') return refused === 'enabled';
  const leaf = join(folder, LEAF);
  try {
    makeLeaf(leaf, files);
    if (moveAll(folder, leaf, files) && tryEnable(folder, files) === 'enabled') return true;
  } catch {
    // No right to move them: the folder may be used, not the processes in it.
  }
  undo(folder, leaf, files);
  return false;
}

/** The cgroup that a process stands for: not the leaf that it was moved to, but the one above. */
export function aboveLeaf(path: string): string {
  return basename(path) === LEAF ? dirname(path) : path;
}

function tryEnable(folder: string, files: CgroupFiles): 'enabled' | 'busy' | 'refused' {
  const file = join(folder, 'cgroup.subtree_control');
  try {
    const there = files.read(file).split(/\s/);
    const missing = NEEDED.filter((name) => !there.includes(name));
    if (missing.length > 0) files.write(file, missing.map((name) => `+${name}`).join(' '));
    return 'enabled';
  } catch (cause) {
    return hasCode(cause, 'EBUSY') ? 'busy' : 'refused';
  }
}

function makeLeaf(leaf: string, files: CgroupFiles): void {
  try {
    files.makeFolder(leaf);
  } catch (cause) {
    // Another run in the same scope made it.
    if (!hasCode(cause, 'EEXIST')) throw cause;
  }
}

/** True where `from` is empty in the end. Throws where a process may not be moved. */
function moveAll(from: string, to: string, files: CgroupFiles): boolean {
  for (let round = 0; round < MOVE_ROUNDS; round += 1) {
    const pids = files.read(join(from, 'cgroup.procs')).split('\n').filter(Boolean);
    if (pids.length === 0) return true;
    // Pid 0 stands for a process of another pid namespace: nobody here can move it.
    if (pids.includes('0')) return false;
    for (const pid of pids) moveOne(pid, to, files);
  }
  return false;
}

function moveOne(pid: string, to: string, files: CgroupFiles): void {
  try {
    files.write(join(to, 'cgroup.procs'), pid);
  } catch (cause) {
    // It ended in between.
    if (!hasCode(cause, 'ESRCH')) throw cause;
  }
}

function undo(folder: string, leaf: string, files: CgroupFiles): void {
  try {
    moveAll(leaf, folder, files);
    files.removeFolder(leaf);
  } catch {
    // It was never made, or another run has succeeded meanwhile and holds it.
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
