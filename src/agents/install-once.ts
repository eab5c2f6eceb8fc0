import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { takeFileLock } from '../store/file-lock.ts';

/** Something that is installed into a folder of the cache, named by the digest of what goes into it. */
export interface Installation {
  readonly dir: string;
  /** For messages, for example `pi 0.80.0`. */
  readonly label: string;
  /** What the first use costs, for the user. */
  readonly cost: string;
  /** Longest that it may take. */
  readonly seconds: number;
  /** Fills an empty folder. */
  readonly build: (folder: string, signal: AbortSignal) => Promise<void>;
  /** What is thrown where `build` failed. */
  readonly failure: (cause: unknown) => Error;
}

export interface InstallContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const COMPLETE_MARK = 'clawgym-installed.json';
/** Beyond the time of an installation, for who waits for that of another process. */
const LOCK_SECONDS = 100;

/**
 * Installs once and never looks at the network after that, whoever asks for it at the same time. Built in a
 * folder beside its place and published by a rename: nobody ever sees half of it.
 */
export async function installOnce(wanted: Installation, context: InstallContext): Promise<void> {
  const { dir, label, seconds } = wanted;
  const { clock, logger, signal } = context;
  if (await isComplete(dir)) return;
  await mkdir(dirname(dir), { recursive: true });
  await using lock = await takeFileLock({
    path: `${dir}.lock`,
    clock,
    signal,
    timeoutSeconds: seconds + LOCK_SECONDS,
    isDone: () => isComplete(dir),
    onWait: () => logger.info({ dir }, `waiting for another installation of ${label}`),
  });
  if (lock === undefined || (await isComplete(dir))) return;
  await install(wanted, context);
}

async function install(
  { dir, label, cost, seconds, build, failure }: Installation,
  { clock, logger, signal }: InstallContext,
): Promise<void> {
  const started = clock.monotonic();
  const staging = `${dir}.${randomUUID()}.tmp`;
  const deadline = AbortSignal.timeout(seconds * 1000);
  logger.info({ dir }, `installing ${label} (first use; ${cost})`);
  try {
    await mkdir(staging);
    await build(staging, AbortSignal.any([signal, deadline]));
    await writeFile(join(staging, COMPLETE_MARK), `${JSON.stringify({ label })}\n`);
    await publish(staging, dir);
  } catch (cause) {
    signal.throwIfAborted();
    throw failure(cause);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const took = Math.round((clock.monotonic() - started) / 100) / 10;
  logger.info({ dir, seconds: took }, `installed ${label}`);
}

/** Another process may have published first: then its copy is the one to use. */
async function publish(staging: string, dir: string): Promise<void> {
  try {
    await rename(staging, dir);
  } catch (error) {
    if (await isComplete(dir)) return;
    // A folder without its mark is a leftover of something else than this program: replace it.
    await rm(dir, { recursive: true, force: true });
    await rename(staging, dir).catch(() => Promise.reject(error));
  }
}

async function isComplete(dir: string): Promise<boolean> {
  try {
    await readFile(join(dir, COMPLETE_MARK));
    return true;
  } catch {
    return false;
  }
}
