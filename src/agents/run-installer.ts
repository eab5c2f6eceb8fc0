import { spawn } from 'node:child_process';
import { ClawError } from '../base/error.ts';
import { killGroup } from '../base/kill-group.ts';
import { programEnv } from '../base/program-env.ts';

export interface InstallerRun {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Only what `programEnv` lets through reaches the installer: it runs code of other people. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Kills the whole process group. */
  readonly signal: AbortSignal;
}

/** Bytes of output kept for the error message. */
const KEEP_OUTPUT = 2_000;

/** Runs an installer to its end; rejects with its last output where it fails. */
export async function runInstaller({ argv, cwd, env, signal }: InstallerRun): Promise<void> {
  const [program, ...args] = argv;
  if (program === undefined) throw new ClawError('Internal', 'an installer without a program');
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // A group of its own: npm starts children that must end with it.
  const child = spawn(program, args, {
    cwd,
    env: programEnv(env),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let tail = '';
  const keep = (chunk: Buffer): void => {
    tail = (tail + chunk.toString()).slice(-KEEP_OUTPUT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const kill = (): void => killGroup(child.pid);
  signal.addEventListener('abort', kill, { once: true });
  child.on('error', (error) => reject(error));
  child.on('close', (code, killedBy) => {
    if (code === 0) resolve();
    else reject(new Error(`${argv.join(' ')} ended with ${killedBy ?? code}: ${tail.trim()}`));
  });
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
