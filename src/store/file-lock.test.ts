import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.ts';
import { type FileLockOptions, takeFileLock } from './file-lock.ts';
import { ownProcessMark } from './process-mark.ts';

/** Time moves only by sleeping; `onSleep` is where the other process works. */
function sleepingClock(onSleep: () => void | Promise<void>): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => {
      now += ms;
      await onSleep();
    },
  };
}

describe('file lock', () => {
  let dir = '';
  let path = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lock-'));
    path = join(dir, 'x.lock');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const take = (change: Partial<FileLockOptions> = {}) =>
    takeFileLock({
      path,
      clock: sleepingClock(() => undefined),
      signal: new AbortController().signal,
      timeoutSeconds: 10,
      isDone: () => Promise.resolve(false),
      onWait: () => undefined,
      ...change,
    });

  it('is taken by one, handed to the next, and leaves nothing behind', async () => {
    const first = await take();
    let waits = 0;
    const clock = sleepingClock(async () => {
      waits += 1;
      if (waits === 3) await first?.[Symbol.asyncDispose]();
    });
    const second = await take({ clock });
    expect(second).toBeDefined();
    expect(waits).toBe(3);
    await second?.[Symbol.asyncDispose]();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('lets only one of many in at a time', async () => {
    let inside = 0;
    let most = 0;
    const clock = sleepingClock(() => new Promise((resolve) => setImmediate(resolve)));
    const work = async () => {
      await using _ = await take({ clock, timeoutSeconds: 1e6 });
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, work));
    expect(most).toBe(1);
  });

  it('ends the wait when the holder has done the work', async () => {
    writeFileSync(path, ownProcessMark());
    let done = false;
    const clock = sleepingClock(() => {
      done = true;
    });
    expect(await take({ clock, isDone: () => Promise.resolve(done) })).toBeUndefined();
  });

  it('breaks the lock of a dead process at once', async () => {
    const [host] = ownProcessMark().split('.');
    writeFileSync(path, `${host}.4194304.1`);
    const clock = sleepingClock(() => {
      throw new Error('waited');
    });
    expect(await take({ clock })).toBeDefined();
  });

  it('breaks the lock of a dead process whose pid another one has now', async () => {
    const [host, pid] = ownProcessMark().split('.');
    writeFileSync(path, `${host}.${pid}.1`);
    expect(await take({ timeoutSeconds: 0 })).toBeDefined();
  });

  it.each(['0badcafe.4194304.1', 'garbage'])(
    'waits for a holder it cannot judge (%s), up to a bound, and names the file',
    async (mark) => {
      writeFileSync(path, mark);
      await expect(take()).rejects.toThrow(`waited 10 s for the lock ${path}`);
    },
  );
});
