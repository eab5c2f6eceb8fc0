import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { ItemBackoff } from './rate-limiter.ts';
import { type QueueObserver, WorkQueue } from './work-queue.ts';

const never = new AbortController().signal;

function setup(observer?: QueueObserver) {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock, ...(observer ? { observer } : {}) });
  return { clock, queue };
}

async function advance(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  await setImmediate();
}

describe('keys', () => {
  test('come once, in the order of their first add', async () => {
    const { queue } = setup();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(queue.length).toBe(3);
    expect([await queue.get(never), await queue.get(never), await queue.get(never)]).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  test('added while in work come again after done, and not before', async () => {
    const { queue } = setup();
    queue.add('a');
    await queue.get(never);
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    expect(await queue.get(never)).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  test('go to waiting workers in the order these came', async () => {
    const { queue } = setup();
    const first = queue.get(never);
    const second = queue.get(never);
    queue.add('a');
    queue.add('b');
    expect([await first, await second]).toEqual(['a', 'b']);
  });

  test('given back by somebody who did not have them change nothing', async () => {
    const { queue } = setup();
    queue.add('a');
    queue.done('a');
    expect(await queue.get(never)).toBe('a');
  });
});

describe('a worker that waits', () => {
  test('is freed by its signal and takes no key with it', async () => {
    const { queue } = setup();
    const stop = new AbortController();
    const waiting = queue.get(stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    queue.add('a');
    expect(await queue.get(never)).toBe('a');
    await expect(queue.get(stop.signal)).rejects.toThrow('enough');
  });

  test('keeps the key it was given before its signal aborts', async () => {
    const { queue } = setup();
    const stop = new AbortController();
    const waiting = queue.get(stop.signal);
    queue.add('a');
    stop.abort(new Error('too late'));
    expect(await waiting).toBe('a');
  });
});

describe('delays', () => {
  test('end at their time, the earliest of several for a key counts', async () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 1000);
    queue.addAfter('b', 500);
    queue.addAfter('a', 200);
    queue.addAfter('a', 900);
    expect(queue.delayed).toBe(2);
    await advance(clock, 199);
    expect(queue.length).toBe(0);
    await advance(clock, 1);
    expect(await queue.get(never)).toBe('a');
    await advance(clock, 300);
    expect(await queue.get(never)).toBe('b');
    queue.done('a');
    await advance(clock, 10_000);
    expect([queue.length, queue.delayed, clock.sleeping]).toEqual([0, 0, 0]);
  });

  test.each([0, -5, Number.NaN])('of %s ms add at once', (ms) => {
    const { queue } = setup();
    queue.addAfter('a', ms);
    expect(queue.length).toBe(1);
  });

  test('far ahead take one short sleep after another', async () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 25_000);
    for (const length of [0, 0, 1]) {
      await advance(clock, 10_000);
      expect(queue.length).toBe(length);
    }
  });

  test('use one sleep for any number of keys', () => {
    const { clock, queue } = setup();
    for (let index = 0; index < 100; index += 1) queue.addAfter(`key-${index}`, 1000 - index);
    expect(clock.sleeping).toBeLessThanOrEqual(100);
    for (let index = 0; index < 100; index += 1) queue.addAfter(`key-${index}`, 5000);
    expect(queue.delayed).toBe(100);
  });
});

describe('retries', () => {
  test('wait longer each time until the key is forgotten', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, rateLimiter: new ItemBackoff(100, 1000) });
    for (const [wait, times] of [
      [100, 1],
      [200, 2],
      [400, 3],
    ] as const) {
      queue.addRateLimited('a');
      expect(queue.numRequeues('a')).toBe(times);
      await advance(clock, wait - 1);
      expect(queue.length).toBe(0);
      await advance(clock, 1);
      expect(await queue.get(never)).toBe('a');
      queue.done('a');
    }
    queue.forget('a');
    queue.addRateLimited('a');
    await advance(clock, 100);
    expect(queue.length).toBe(1);
  });
});

describe('shut down', () => {
  test('takes no adds, drops delays, gives out what is queued, then ends every worker', async () => {
    const { clock, queue } = setup();
    queue.add('a');
    queue.addAfter('later', 10);
    queue.shutDown();
    queue.add('b');
    queue.addAfter('c', 0);
    await advance(clock, 100);
    expect(queue.shuttingDown).toBe(true);
    expect(await queue.get(never)).toBe('a');
    expect(await queue.get(never)).toBeUndefined();
    expect(clock.sleeping).toBe(0);
  });

  test('frees workers that wait', async () => {
    const { queue } = setup();
    const waiting = [queue.get(never), queue.get(never)];
    queue.shutDown();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  });

  test('with drain waits for queued keys, keys in work and keys added again while in work', async () => {
    const { queue } = setup();
    let drained = false;
    queue.add('a');
    queue.add('b');
    await queue.get(never);
    queue.add('a');
    const drain = queue.shutDownWithDrain(never).then(() => {
      drained = true;
    });
    for (const [finished, next] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      queue.done(finished);
      await setImmediate();
      expect(drained).toBe(false);
      expect(await queue.get(never)).toBe(next);
    }
    queue.done('a');
    await drain;
    expect(drained).toBe(true);
  });

  test('without drain frees one with drain; so does the signal', async () => {
    for (const free of ['shutDown', 'abort'] as const) {
      const { queue } = setup();
      const limit = new AbortController();
      queue.add('a');
      await queue.get(never);
      const drain = queue.shutDownWithDrain(limit.signal);
      if (free === 'shutDown') queue.shutDown();
      else limit.abort();
      await expect(drain).resolves.toBeUndefined();
    }
  });

  test('with drain of an idle queue ends at once', async () => {
    await expect(setup().queue.shutDownWithDrain(never)).resolves.toBeUndefined();
  });
});

describe('figures', () => {
  test('tell adds, retries, waits, work and what is unfinished', async () => {
    const seen: string[] = [];
    const { clock, queue } = setup({
      added: () => seen.push('added'),
      retried: () => seen.push('retried'),
      taken: (ms) => seen.push(`taken after ${ms}`),
      done: (ms) => seen.push(`done after ${ms}`),
    });
    queue.add('a');
    queue.add('a');
    await advance(clock, 30);
    await queue.get(never);
    queue.add('a');
    await advance(clock, 20);
    queue.addAfter('b', 0);
    await queue.get(never);
    await advance(clock, 5);
    expect(queue.unfinished()).toEqual({ totalMs: 30, longestMs: 25 });
    queue.done('a');
    await queue.get(never);
    expect(seen).toEqual([
      'added',
      'taken after 30',
      'added',
      'retried',
      'added',
      'taken after 0',
      'done after 25',
      'taken after 25',
    ]);
  });
});
