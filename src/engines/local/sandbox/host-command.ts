import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ClawError } from '../../../base/error.ts';

/** Environment for host programs (PATH, proxies), handed in by the command line. */
export type HostEnv = Readonly<Record<string, string | undefined>>;

export interface HostCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env: HostEnv;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  /** Each line of stdout and stderr, as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface HostCommandEnd {
  readonly exitCode: number | null;
  /** The last 16 KiB of stdout and stderr together. */
  readonly tail: string;
}

const TAIL_CHARS = 16 * 1024;
const KILL_AFTER_MS = 10_000;

/** Runs a trusted program of the host in a process group of its own and waits for its end. */
export async function runHostCommand(command: HostCommand): Promise<HostCommandEnd> {
  const [program, ...args] = command.argv;
  const deadline = AbortSignal.timeout(command.timeoutSeconds * 1000);
  const signal = AbortSignal.any([command.signal, deadline]);
  if (signal.aborted) throw new ClawError('Cancelled', `${program} was not started: cancelled`);
  const child = spawn(program, args, {
    env: { ...command.env, LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL_CHARS);
      for (const line of text.split('\n')) if (line.trim() !== '') command.onLine?.(line.trim());
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', (code) => resolve(code));
  const onAbort = () => {
    signalGroup(child.pid, 'SIGTERM');
    setTimeout(() => signalGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS).unref();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const exitCode = await promise;
    if (deadline.aborted) {
      throw new ClawError('Timeout', `${program} ran longer than ${command.timeoutSeconds} s`);
    }
    if (command.signal.aborted) throw new ClawError('Cancelled', `${program} was cancelled`);
    return { exitCode, tail };
  } catch (cause) {
    if (cause instanceof ClawError) throw cause;
    throw new ClawError('MissingTool', `cannot start ${program}`, { cause });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Path of a program on the search path and the usual system folders, or undefined. */
export function findProgram(name: string, env: HostEnv): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter);
  return [...folders, '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin']
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}
