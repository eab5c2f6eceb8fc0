import type { SandboxMount, SandboxSpec } from '../../../phases/process-sandbox.ts';

/** One entry of the sandbox's root: a read-only bind of a host path, or a link. */
export type RootEntry =
  | { readonly kind: 'bind'; readonly source: string; readonly target: string }
  | { readonly kind: 'symlink'; readonly to: string; readonly target: string };

export interface BwrapInput {
  readonly spec: SandboxSpec;
  readonly root: readonly RootEntry[];
  /** Mounts of the engine's own, such as the cgroup's figures; they lie under the spec's. */
  readonly extraMounts: readonly SandboxMount[];
  /** Limits that the kernel keeps per process; they are set inside, on the program only. */
  readonly rlimits: readonly string[];
  /** File descriptor on which bubblewrap reports. */
  readonly statusFd: number;
  /** The one it waits on before the program; undefined: it does not wait. */
  readonly blockFd: number | undefined;
}

/** Uid and gid that every sandboxed program sees itself as. */
export const INSIDE_UID = 1000;

/** Every namespace is new; only PID 1 is safe from signals of the programs it starts. */
const ISOLATION = [
  '--unshare-user',
  '--unshare-pid',
  '--unshare-net',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-cgroup',
  '--disable-userns',
  '--as-pid-1',
  '--die-with-parent',
  '--new-session',
  '--clearenv',
  '--cap-drop',
  'ALL',
  '--hostname',
  'sandbox',
] as const;

const MIB = 1024 * 1024;
/** As in every container of a pod. */
const SHM_MIB = 64;

/** The command line of bubblewrap, without its own name. Pure: nothing is looked up on the host. */
export function bwrapArgs(input: BwrapInput): string[] {
  const { spec } = input;
  const tmpfs = (mebibytes: number, path: string): readonly string[] => {
    return ['--perms', '1777', '--size', String(mebibytes * MIB), '--tmpfs', path];
  };
  const identity = ['--uid', String(INSIDE_UID), '--gid', String(INSIDE_UID)];
  const block = input.blockFd === undefined ? [] : ['--block-fd', String(input.blockFd)];
  const talk = ['--json-status-fd', String(input.statusFd), ...block];
  // Shared memory lies over /dev, and /dev itself must not be a second, unbounded /tmp.
  const devices = [
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    ...tmpfs(SHM_MIB, '/dev/shm'),
    '--remount-ro',
    '/dev',
  ];
  const mounts = [...input.extraMounts, ...spec.mounts].flatMap(mountArgs);
  const env = Object.entries(spec.env).flatMap(([name, value]) => ['--setenv', name, value]);
  const limits = input.rlimits.length > 0 ? ['/usr/bin/prlimit', ...input.rlimits, '--'] : [];
  return [
    ...ISOLATION,
    ...identity,
    ...talk,
    ...input.root.flatMap(rootArgs),
    ...devices,
    ...tmpfs(spec.tmpMiB, '/tmp'),
    ...mounts,
    ...env,
    '--remount-ro',
    '/',
    '--chdir',
    spec.cwd,
    '--',
    ...limits,
    ...spec.argv,
  ];
}

function rootArgs(entry: RootEntry): string[] {
  return entry.kind === 'bind'
    ? ['--ro-bind', entry.source, entry.target]
    : ['--symlink', entry.to, entry.target];
}

function mountArgs(mount: SandboxMount): string[] {
  return [mount.mode === 'rw' ? '--bind' : '--ro-bind', mount.source, mount.target];
}
