import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ClawError, errorMessage } from '../../../base/error.ts';
import type { SandboxLimits, SandboxMount, SandboxOwner } from '../../../phases/process-sandbox.ts';
import { markIsDead, ownProcessMark } from '../../../store/process-mark.ts';
import type { CgroupLayout, Controller } from './cgroup-layout.ts';

const PREFIX = 'clawgym~';
const MIB = 1024 * 1024;
const CPU_PERIOD_US = 100_000;
/** The kernel removes a dead process from its cgroup a moment after it is gone. */
const REMOVE_TRIES = 100;
const REMOVE_PAUSE_MS = 10;

export interface CgroupUsage {
  readonly oomKilled: boolean;
  readonly pidsRefused: boolean;
  readonly peakMemoryMiB: number | undefined;
  readonly cpuSeconds: number | undefined;
}

/** The cgroup of one sandbox: made with its limits, entered by its process, read and removed after. */
export interface Cgroup {
  /**
   * Files to which a process writes "0" to enter by itself; empty where it must be put in by `enter`.
   * Entering oneself costs nothing, while moving another process makes the kernel wait for every CPU
   * (measured: 13 ms of a blocked engine for each sandbox).
   */
  readonly entries: readonly string[];
  /** Puts a process in from outside. */
  enter(pid: number): void;
  /** Kills whatever is in it. */
  kill(): void;
  usage(): CgroupUsage;
  /** Kills what is left and removes the folders; gives up after a second. */
  remove(): Promise<void>;
  /** The memory figures, to be shown inside where a container would show them. */
  readonly mounts: readonly SandboxMount[];
}

let made = 0;

/** Makes a cgroup named by this engine's process, so that a later engine can sweep it. */
export function createCgroup(
  layout: CgroupLayout,
  name: string,
  limits: SandboxLimits,
  owner: SandboxOwner | undefined,
): Cgroup {
  made += 1;
  const folder = `${PREFIX}${ownProcessMark()}~${made}~${name}`;
  const folders = foldersOf(layout).map((base) => join(base, folder));
  const at = (controller: Controller) => placeOf(layout, controller, folder);
  try {
    for (const path of folders) mkdirSync(path);
    writeLimits(layout, at, limits);
  } catch (cause) {
    for (const path of folders) removed(path);
    const message = `cannot make the cgroup of sandbox ${name}: ${errorMessage(cause)}`;
    throw new ClawError('SandboxFailed', message, { cause, retryable: true });
  }
  return {
    entries: layout.version === 1 ? folders.map((path) => entryFor(owner, path)) : [],
    enter: (pid) => {
      for (const path of folders) writeFileSync(join(path, 'cgroup.procs'), String(pid));
    },
    kill: () => killAll(folders),
    usage: () => (layout.version === 1 ? usageV1(at) : usageV2(at('memory') ?? '')),
    remove: async () => await removeFolders(folders),
    mounts: memoryMounts(layout, at('memory')),
  };
}

/** The thread list of a v1 cgroup, writable for the user that the sandbox's process runs as. */
function entryFor(owner: SandboxOwner | undefined, folder: string): string {
  const file = join(folder, 'tasks');
  if (owner !== undefined) chownSync(file, owner.uid, owner.gid);
  return file;
}

/** Removes cgroups of engines that died, with whatever still runs in them. Returns their number. */
export async function sweepCgroups(layout: CgroupLayout): Promise<number> {
  const dead = foldersOf(layout).flatMap((base) =>
    readdirSync(base)
      .filter((name) => name.startsWith(PREFIX) && markIsDead(name.split('~')[1] ?? ''))
      .map((name) => join(base, name)),
  );
  killAll(dead);
  await removeFolders(dead);
  return dead.length;
}

type PlaceOf = (controller: Controller) => string | undefined;

function foldersOf(layout: CgroupLayout): string[] {
  return layout.version === 2 ? [layout.base] : [...new Set(Object.values(layout.base))];
}

function placeOf(layout: CgroupLayout, controller: Controller, folder: string): string | undefined {
  if (layout.version === 2) return join(layout.base, folder);
  const base = layout.base[controller];
  return base === undefined ? undefined : join(base, folder);
}

function writeLimits(layout: CgroupLayout, at: PlaceOf, limits: SandboxLimits): void {
  const memory = String(limits.memoryMiB * MIB);
  const quota = Math.max(1000, Math.round((limits.cpuMillis * CPU_PERIOD_US) / 1000));
  if (layout.version === 2) {
    write(at('memory'), 'memory.max', memory);
    write(at('memory'), 'memory.swap.max', '0', 'optional');
    write(at('pids'), 'pids.max', String(limits.pids));
    write(at('cpu'), 'cpu.max', `${quota} ${CPU_PERIOD_US}`);
    return;
  }
  write(at('memory'), 'memory.limit_in_bytes', memory);
  write(at('memory'), 'memory.memsw.limit_in_bytes', memory, 'optional');
  write(at('pids'), 'pids.max', String(limits.pids));
  write(at('cpu'), 'cpu.cfs_period_us', String(CPU_PERIOD_US));
  write(at('cpu'), 'cpu.cfs_quota_us', String(quota));
}

function write(
  folder: string | undefined,
  file: string,
  value: string,
  need: 'needed' | 'optional' = 'needed',
): void {
  if (folder === undefined) return;
  const path = join(folder, file);
  // Swap accounting is a kernel option: where it is off, the file is absent.
  if (need === 'optional' && !existsSync(path)) return;
  writeFileSync(path, value);
}

function usageV1(at: PlaceOf): CgroupUsage {
  const peak = numberIn(at('memory'), 'memory.max_usage_in_bytes');
  const cpu = numberIn(at('cpuacct'), 'cpuacct.usage');
  return {
    oomKilled: (keyedNumber(at('memory'), 'memory.oom_control', 'oom_kill') ?? 0) > 0,
    pidsRefused: (keyedNumber(at('pids'), 'pids.events', 'max') ?? 0) > 0,
    peakMemoryMiB: peak === undefined ? undefined : peak / MIB,
    cpuSeconds: cpu === undefined ? undefined : cpu / 1e9,
  };
}

function usageV2(folder: string): CgroupUsage {
  const peak = numberIn(folder, 'memory.peak');
  const cpu = keyedNumber(folder, 'cpu.stat', 'usage_usec');
  return {
    oomKilled: (keyedNumber(folder, 'memory.events', 'oom_kill') ?? 0) > 0,
    pidsRefused: (keyedNumber(folder, 'pids.events', 'max') ?? 0) > 0,
    peakMemoryMiB: peak === undefined ? undefined : peak / MIB,
    cpuSeconds: cpu === undefined ? undefined : cpu / 1e6,
  };
}

function memoryMounts(layout: CgroupLayout, source: string | undefined): SandboxMount[] {
  if (source === undefined) return [];
  const target = layout.version === 1 ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup';
  return [{ source, target, mode: 'ro' }];
}

function read(folder: string | undefined, file: string): string | undefined {
  if (folder === undefined) return undefined;
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch {
    return undefined;
  }
}

function numberIn(folder: string | undefined, file: string): number | undefined {
  const value = Number.parseInt(read(folder, file) ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

function keyedNumber(folder: string | undefined, file: string, key: string): number | undefined {
  const line = read(folder, file)
    ?.split('\n')
    .find((text) => text.startsWith(`${key} `));
  return line === undefined ? undefined : Number(line.slice(key.length + 1));
}

function killAll(folders: readonly string[]): void {
  for (const folder of folders) {
    for (const pid of (read(folder, 'cgroup.procs') ?? '').split('\n').filter((p) => p !== '')) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended between the listing and the signal.
      }
    }
  }
}

async function removeFolders(folders: readonly string[]): Promise<void> {
  let left = [...folders];
  for (let attempt = 0; attempt < REMOVE_TRIES; attempt += 1) {
    left = left.filter((folder) => !removed(folder));
    if (left.length === 0) return;
    killAll(left);
    await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
  }
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  }
}
