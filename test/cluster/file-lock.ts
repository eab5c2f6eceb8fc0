import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ClawError } from '../../src/base/error.ts';

/**
 * Holds a lock file while `work` runs; a second process waits. The kernel's lock is held by a small
 * flock(1) that ends with this process, so a killed holder leaves no stale lock.
 */
export async function withFileLock<T>(
  path: string,
  waitSeconds: number,
  work: () => Promise<T>,
): Promise<T> {
  const script = 'echo locked; exec cat';
  const holder = spawn('flock', ['--wait', String(waitSeconds), path, 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(holder, 'close');
  ended.catch(() => undefined);
  try {
    const locked = once(holder.stdout, 'data');
    locked.catch(() => undefined);
    const first = await Promise.race([locked.then(() => 'locked'), ended.then(() => 'ended')]);
    if (first === 'ended') {
      throw new ClawError('Timeout', `lock ${path} was not free within ${waitSeconds} s`);
    }
    return await work();
  } finally {
    holder.stdin.end();
    await ended.catch(() => undefined);
  }
}
