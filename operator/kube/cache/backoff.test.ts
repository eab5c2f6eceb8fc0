import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { Backoff, REFLECTOR_BACKOFF } from './backoff.ts';

const delays = (count: number, random: () => number) => {
  const backoff = new Backoff(REFLECTOR_BACKOFF, new ManualClock(), random);
  return Array.from({ length: count }, () => backoff.next());
};

describe('the back-off of a reflector', () => {
  it('gives the numbers of client-go without jitter', () => {
    expect(delays(8, () => 0)).toEqual([800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
  });

  it('adds up to as much again', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (drawn) => {
        const bases = delays(8, () => 0);
        delays(8, () => drawn).forEach((delay, at) => {
          const base = bases[at] ?? 0;
          expect(delay).toBeGreaterThanOrEqual(base);
          expect(delay).toBeLessThanOrEqual(2 * base);
        });
      }),
    );
  });

  it('begins anew after two calm minutes, not before', () => {
    const clock = new ManualClock();
    const backoff = new Backoff(REFLECTOR_BACKOFF, clock, () => 0);
    expect(backoff.next()).toBe(800);
    clock.advance(800 + 120_000);
    expect(backoff.next()).toBe(1600);
    clock.advance(1600 + 120_001);
    expect(backoff.next()).toBe(800);
  });

  it('waits at least as long as the server asked', () => {
    const backoff = new Backoff(REFLECTOR_BACKOFF, new ManualClock(), () => 0);
    expect(backoff.next(5_000)).toBe(5_000);
    expect(backoff.next(100)).toBe(1_600);
  });
});
