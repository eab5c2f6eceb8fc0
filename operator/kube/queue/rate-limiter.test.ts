import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { defaultRateLimiter, ItemBackoff, SlowestOf, TokenBucket } from './rate-limiter.ts';

describe('the back-off of one key', () => {
  test("is client-go's: 5 ms doubling up to 1,000 s", () => {
    const limiter = new ItemBackoff(5, 1_000_000);
    const waits = Array.from({ length: 21 }, () => limiter.when('a'));
    // Printed by client-go 0.36's ItemExponentialFailureRateLimiter(5ms, 1000s), in milliseconds.
    expect(waits).toEqual([
      5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480, 40960, 81920, 163840,
      327680, 655360, 1_000_000, 1_000_000, 1_000_000,
    ]);
    expect(limiter.requeues('a')).toBe(21);
  });

  test('begins again after forget and is kept for each key', () => {
    const limiter = new ItemBackoff(5, 1_000_000);
    limiter.when('a');
    limiter.when('a');
    expect(limiter.when('b')).toBe(5);
    limiter.forget('a');
    expect(limiter.requeues('a')).toBe(0);
    expect(limiter.when('a')).toBe(5);
  });

  test('stays at its limit after any number of failures', () => {
    const limiter = new ItemBackoff(5, 1_000_000);
    for (let failure = 0; failure < 5000; failure += 1) limiter.when('a');
    expect(limiter.when('a')).toBe(1_000_000);
  });
});

describe('the bucket over all keys', () => {
  test("gives client-go's waits: 10 a second, burst 100", () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(clock, 10, 100);
    // [ms passed, calls, wait of the first, wait of the last], printed by
    // golang.org/x/time/rate NewLimiter(10, 100).ReserveN, which client-go's bucket calls.
    const table = [
      [0, 100, 0, 0],
      [0, 1, 100, 100],
      [0, 5, 200, 600],
      [50, 1, 650, 650],
      [333, 1, 417, 417],
      [1000, 20, 0, 1417],
      [2500, 1, 0, 0],
      [60_000, 1, 0, 0],
      [0, 99, 0, 0],
      [0, 3, 100, 300],
      [1, 1, 399, 399],
      [7, 1, 492, 492],
    ] as const;
    for (const [passed, calls, first, last] of table) {
      clock.advance(passed);
      const waits = Array.from({ length: calls }, () => bucket.when());
      expect(waits.at(0)).toBeCloseTo(first, 5);
      expect(waits.at(-1)).toBeCloseTo(last, 5);
    }
  });

  test('never lets more pass than burst plus rate, whenever it is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { minLength: 1, maxLength: 400 }), (pauses) => {
        const clock = new ManualClock(0);
        const bucket = new TokenBucket(clock, 10, 100);
        const passes = pauses.map((pause) => {
          clock.advance(pause);
          return clock.monotonic() + bucket.when();
        });
        const end = Math.max(...passes);
        expect(passes.length).toBeLessThanOrEqual(100 + (end / 1000) * 10 + 1e-6);
      }),
    );
  });
});

describe('the default of a controller', () => {
  test('waits for the longer of the two', () => {
    const limiter = defaultRateLimiter(new ManualClock());
    const waits = Array.from({ length: 102 }, (_, index) => limiter.when(`key-${index}`));
    expect(waits.slice(0, 100).every((wait) => wait === 5)).toBe(true);
    expect(waits[100]).toBeCloseTo(100, 5);
    expect(waits[101]).toBeCloseTo(200, 5);
    expect(limiter.requeues('key-0')).toBe(1);
    limiter.forget('key-0');
    expect(limiter.requeues('key-0')).toBe(0);
  });

  test('asks every limiter, so that each books its part', () => {
    const slow = new ItemBackoff(100, 1000);
    const fast = new ItemBackoff(1, 1000);
    const both = new SlowestOf([slow, fast]);
    expect([both.when('a'), both.when('a')]).toEqual([100, 200]);
    expect(fast.requeues('a')).toBe(2);
  });
});
