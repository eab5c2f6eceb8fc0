import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { ClawError } from '../../../base/error.ts';
import type { SandboxOwner, SandboxSpec } from '../../../phases/process-sandbox.ts';
import { type BwrapStatus, readBwrapStatus } from './bwrap-status.ts';
import type { Cgroup } from './cgroup.ts';
import type { InheritedFds } from './inherited-fds.ts';
import { OutputCapture } from './output-capture.ts';
import { ulimitCommand } from './rlimits.ts';

/** Numbers of the extra descriptors that bubblewrap gets. */
export const STATUS_FD = 3;
export const BLOCK_FD = 4;

/** After a kill, how long bubblewrap may take to end before it is killed itself. */
const KILL_GRACE_MS = 5000;

export interface BwrapProcess {
  readonly status: BwrapStatus;
  readonly stdout: OutputCapture;
  readonly stderr: OutputCapture;
  readonly timedOut: boolean;
  readonly cancelled: boolean;
}

export interface BwrapCommand {
  readonly bwrap: string;
  readonly args: readonly string[];
  readonly spec: SandboxSpec;
  readonly owner: SandboxOwner | undefined;
  readonly cgroup: Cgroup | undefined;
  readonly inherited: InheritedFds;
}

/**
 * Starts bubblewrap inside its cgroup (or puts the sandbox's PID 1 into it while that still waits on
 * the block descriptor), and resolves when the process and its pipes are gone. Killing PID 1 kills the whole
 * PID namespace.
 */
export async function runBwrap(command: BwrapCommand, signal: AbortSignal): Promise<BwrapProcess> {
  const child = start(command);
  const stdout = new OutputCapture(command.spec.keepOutputBytes);
  const stderr = new OutputCapture(command.spec.keepOutputBytes);
  child.stdout?.on('data', (chunk: Uint8Array) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Uint8Array) => stderr.push(chunk));
  const tree = superviseTree(child, command.cgroup);
  feed(child, command.spec.stdin);
  let timedOut = false;
  let cancelled = false;
  const onAbort = () => {
    cancelled = true;
    tree.kill();
  };
  const onDeadline = () => {
    timedOut = true;
    tree.kill();
  };
  const timer = setTimeout(onDeadline, command.spec.deadlineSeconds * 1000);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await closed(child, command.bwrap);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    tree.stop();
  }
  return { status: tree.status(), stdout, stderr, timedOut, cancelled };
}

/** True where the engine has to move the sandbox's process; else it enters by itself. */
export function mustBePutIn(cgroup: Cgroup | undefined): boolean {
  return cgroup !== undefined && cgroup.entries.length === 0;
}

/** Enters the cgroups named before `--`, then becomes the program after it; fails closed. */
const ENTER = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 126; shift; done; shift; exec "$@"';

/** The shell sets the limits that hold always on its way: one program less to start inside. */
function enterScript(spec: SandboxSpec): string {
  return `${ulimitCommand(spec.limits)} || exit 126; ${ENTER}`;
}

function start(command: BwrapCommand): ChildProcess {
  const { bwrap, args, owner, cgroup, inherited, spec } = command;
  const stdio: StdioOptions = ['pipe', 'pipe', 'pipe', 'pipe'];
  for (const fd of inherited.fds) stdio[fd] = inherited.nullFd;
  if (mustBePutIn(cgroup)) stdio[BLOCK_FD] = 'pipe';
  const entries = cgroup?.entries ?? [];
  const [program, argv] =
    entries.length === 0
      ? [bwrap, args]
      : ['/bin/sh', ['-c', enterScript(spec), 'sh', ...entries, '--', bwrap, ...args]];
  return spawn(program, [...argv], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    stdio: Array.from(stdio, (entry) => entry ?? 'ignore'),
    ...(owner === undefined ? {} : { uid: owner.uid, gid: owner.gid }),
  });
}

function feed(child: ChildProcess, text: string): void {
  // The program may end without reading its input.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(text);
}

interface Tree {
  kill(): void;
  stop(): void;
  status(): BwrapStatus;
}

/** Follows bubblewrap's status, lets PID 1 go once it is in its cgroup, and can kill it. */
function superviseTree(child: ChildProcess, cgroup: Cgroup | undefined): Tree {
  let said = '';
  let released = false;
  let lastResort: NodeJS.Timeout | undefined;
  const status = child.stdio[STATUS_FD];
  const block = child.stdio[BLOCK_FD];
  const kill = () => {
    const { childPid } = readBwrapStatus(said);
    const running = child.exitCode === null && child.signalCode === null;
    if (running && childPid !== undefined) signalQuietly(childPid);
    else child.kill('SIGKILL');
    cgroup?.kill();
    lastResort ??= setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
  };
  status?.on('data', (chunk: Uint8Array) => {
    said += Buffer.from(chunk).toString('utf8');
    const { childPid } = readBwrapStatus(said);
    if (released || childPid === undefined) return;
    released = true;
    // A sandbox that cannot be put under its limits must not run.
    if (cgroup !== undefined && mustBePutIn(cgroup) && !entered(cgroup, childPid)) kill();
    else if (block instanceof Duplex) block.end('go');
  });
  for (const stream of [status, block]) stream?.on('error', () => undefined);
  const stop = () => {
    clearTimeout(lastResort);
    if (block instanceof Duplex) block.destroy();
  };
  return { kill, stop, status: () => readBwrapStatus(said) };
}

function entered(cgroup: Cgroup, pid: number): boolean {
  try {
    cgroup.enter(pid);
    return true;
  } catch {
    return false;
  }
}

function signalQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

async function closed(child: ChildProcess, bwrap: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('error', (cause) => {
    reject(
      new ClawError(
        'MissingTool',
        `cannot start ${bwrap}: ${cause.message}. Install it: apt-get install bubblewrap`,
        { cause },
      ),
    );
  });
  child.once('close', () => resolve());
  await promise;
}
