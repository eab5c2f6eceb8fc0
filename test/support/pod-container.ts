import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { TEST_UID } from './sandbox-host.ts';

/** Uid and gid of every container of a pod. */
const POD_UID = 65534;
const CONTAINER_SECONDS = 60;
/** The kernel forgets with a change of user that a process is to end with its parent. */
const SETPRIV = ['/usr/bin/setpriv', '--clear-groups', '--pdeathsig', 'KILL'];

export interface ContainerOptions {
  readonly argv: readonly string[];
  /** Host folder or file -> place inside. */
  readonly mounts: readonly {
    readonly source: string;
    readonly target: string;
    readonly mode: 'ro' | 'rw';
  }[];
  readonly env?: Readonly<Record<string, string>>;
  /** Containers of one pod share their network; here that is the host's. */
  readonly hostNetwork?: boolean;
}

export interface ContainerEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunningContainer {
  readonly end: Promise<ContainerEnd>;
  /** A signal to its first process, from outside of its namespace, as a kubelet sends it. */
  signal(name: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/**
 * Runs a program as the first process of a container like those of our pods: uid 65534 without
 * capabilities, volumes that belong to root and are open to all, standard input empty. Only limits of
 * resources are missing.
 */
export function startContainer(options: ContainerOptions): RunningContainer {
  const started = performance.now();
  const child = spawn('bwrap', [...bwrapArgs(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin' },
    timeout: CONTAINER_SECONDS * 1000,
    killSignal: 'SIGKILL',
  });
  const end = endOf(child, started);
  return {
    end,
    signal: async (name) => {
      const first = firstProcess(child.pid ?? 0);
      if (first !== undefined) process.kill(first, name);
    },
  };
}

export function runContainer(options: ContainerOptions): Promise<ContainerEnd> {
  return startContainer(options).end;
}

/** A pod's volume: root's, and open to everybody. */
export function podVolume(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  chmodSync(path, 0o777);
  return path;
}

function bwrapArgs({ argv, mounts, env, hostNetwork }: ContainerOptions): readonly string[] {
  const asRoot = TEST_UID === 0;
  return [
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--as-pid-1', '--die-with-parent'],
    ...(hostNetwork === true ? [] : ['--unshare-net']),
    ...['--new-session', '--clearenv', '--cap-drop', 'ALL'],
    ...(asRoot
      ? ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID']
      : ['--unshare-user', '--uid', String(POD_UID), '--gid', String(POD_UID)]),
    ...[
      '--ro-bind',
      '/usr',
      '/usr',
      '--symlink',
      'usr/bin',
      '/bin',
      '--symlink',
      'usr/lib',
      '/lib',
    ],
    ...['--symlink', 'usr/lib64', '/lib64', '--proc', '/proc', '--dev', '/dev'],
    ...['--perms', '1777', '--tmpfs', '/tmp', '--perms', '1777', '--tmpfs', '/dev/shm'],
    ...foldersAbove(mounts.map(({ target }) => target)),
    ...mounts.flatMap(({ source, target, mode }) => [
      mode === 'rw' ? '--bind' : '--ro-bind',
      source,
      target,
    ]),
    ...Object.entries({ PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...env }).flatMap(
      ([name, value]) => ['--setenv', name, value],
    ),
    ...['--chdir', '/', '--'],
    ...(asRoot ? [...SETPRIV, `--reuid=${POD_UID}`, `--regid=${POD_UID}`, '--'] : []),
    ...argv,
  ];
}

/** bubblewrap would make them for root alone. */
function foldersAbove(targets: readonly string[]): readonly string[] {
  const made = new Set(['/tmp', '/dev', '/proc', '/usr']);
  const args: string[] = [];
  for (const target of targets) {
    const parts = target.split('/').slice(1, -1);
    for (const depth of parts.keys()) {
      const folder = `/${parts.slice(0, depth + 1).join('/')}`;
      if (made.has(folder)) continue;
      made.add(folder);
      args.push('--perms', '0755', '--dir', folder);
    }
  }
  return args;
}

async function endOf(child: ChildProcess, started: number): Promise<ContainerEnd> {
  const closed = Promise.withResolvers<number | null>();
  child.once('error', closed.reject);
  child.once('close', closed.resolve);
  const { stdout: out, stderr: err } = child;
  if (out === null || err === null) throw new Error('bwrap was started without pipes');
  const [stdout, stderr, code] = await Promise.all([buffer(out), buffer(err), closed.promise]);
  return {
    code,
    stdout: stdout.toString(),
    stderr: stderr.toString(),
    seconds: (performance.now() - started) / 1000,
  };
}

/** Undefined where the container has ended. */
function firstProcess(parent: number): number | undefined {
  const list = `/proc/${parent}/task/${parent}/children`;
  if (!existsSync(list)) return undefined;
  const children = readFileSync(list, 'utf8');
  const first = children.trim().split(' ')[0];
  return first === undefined || first === '' ? undefined : Number(first);
}
