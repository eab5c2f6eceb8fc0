import { readFile, rm, writeFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import type { AgentPrepareContext } from './agent.ts';

const POLL_MS = 250;
/** Longer than an installation may take; after it the waiter installs on its own. */
const MAX_WAIT_MS = 700_000;

/**
 * Runs `work` while holding a lock file, so that two processes do not download the same harness. A
 * lock of a dead process is taken over. The lock saves work, it does not guard correctness: that is
 * the rename's.
 */
export async function withInstallLock(
  path: string,
  clock: Clock,
  { logger, signal }: Pick<AgentPrepareContext, 'logger' | 'signal'>,
  work: () => Promise<void>,
): Promise<void> {
  const deadline = clock.monotonic() + MAX_WAIT_MS;
  let told = false;
  while (!(await tryLock(path))) {
    signal.throwIfAborted();
    if (clock.monotonic() > deadline || (await isStale(path))) {
      await rm(path, { force: true });
      continue;
    }
    if (!told) logger.info({ lock: path }, 'waiting for another installation of the same harness');
    told = true;
    await clock.sleep(POLL_MS, signal);
  }
  try {
    await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  const pid = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  // No number yet: its owner is between creating and writing it, or it is already gone.
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
