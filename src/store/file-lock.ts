import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { ClawError } from '../base/error.ts';
import { markIsDead, ownProcessMark } from './process-mark.ts';

export interface FileLockOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number;
  /** Asked while another process holds the lock: true ends the wait without it. */
  readonly isDone: () => Promise<boolean>;
  readonly onWait: () => void;
}

const POLL_MS = 500;
let taken = 0;

/**
 * Takes a lock file for work that is done once on a host (a build, a download), or returns undefined
 * when its holder finished the work. The file names its process by pid and start time: one of a
 * process that died is broken, also where its pid is in use again. Whoever holds it still publishes by
 * rename, so that a wrongly broken lock costs work and never correctness.
 */
export async function takeFileLock(options: FileLockOptions): Promise<AsyncDisposable | undefined> {
  const { path, clock, signal } = options;
  const until = clock.monotonic() + options.timeoutSeconds * 1000;
  for (let waited = false; ; waited = true) {
    if (await create(path)) return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    if (await options.isDone()) return undefined;
    if (await breakIfDead(path)) continue;
    if (!waited) options.onWait();
    if (clock.monotonic() >= until) {
      throw new ClawError(
        'Timeout',
        `waited ${options.timeoutSeconds} s for the lock ${path}. If no other process works there, remove it`,
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** A link is made with its content or not at all: nobody ever reads an empty lock. */
async function create(path: string): Promise<boolean> {
  const own = await ownFile(path);
  try {
    await link(own, path);
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    throw cause;
  } finally {
    await rm(own, { force: true });
  }
}

async function ownFile(path: string): Promise<string> {
  taken += 1;
  const own = `${path}.${ownProcessMark()}.${taken}`;
  await writeFile(own, ownProcessMark());
  return own;
}

async function breakIfDead(path: string): Promise<boolean> {
  const mark = await readFile(path, 'utf8').catch(() => undefined);
  if (mark === undefined) return true;
  if (!markIsDead(mark)) return false;
  taken += 1;
  const aside = `${path}.dead.${ownProcessMark()}.${taken}`;
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { force: true });
  return true;
}
