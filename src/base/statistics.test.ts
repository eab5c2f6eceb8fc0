import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean, meanInterval, median, taskStandardError, wilson } from './statistics.ts';
import { tCritical } from './student-t.ts';

describe('critical values of Student t', () => {
  // two-sided 95 % and 99 % columns of the usual printed tables
  it.each([
    [0.95, 1, 12.706],
    [0.95, 2, 4.303],
    [0.95, 11, 2.201],
    [0.95, 30, 2.042],
    [0.95, 124, 1.979],
    [0.95, 100_000, 1.96],
    [0.99, 5, 4.032],
    [0.5, 7, 0.711],
  ])('level %s with %s degrees of freedom is %s', (level, df, expected) => {
    expect(tCritical(level, df)).toBeCloseTo(expected, 3);
  });
});

describe('mean and median', () => {
  it('of nothing are null', () => {
    expect([mean([]), median([])]).toEqual([null, null]);
  });

  it('median takes the middle, or the mean of both middles', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([7])).toBe(7);
  });
});

describe('interval of a mean over tasks', () => {
  it('is the t interval of the task means', () => {
    const means = [0.2, 0.4, 0.6, 0.8];
    // s^2 = 0.2 / 3, se = sqrt(s^2 / 4) = 0.129099
    expect(taskStandardError(means)).toBeCloseTo(0.129_099, 6);
    const interval = meanInterval(means, false);
    expect(interval).toMatchObject({ method: 't', n: 4, level: 0.95 });
    expect(interval?.low).toBeCloseTo(0.5 - 3.182_446 * 0.129_099, 5);
    expect(interval?.high).toBeCloseTo(0.5 + 3.182_446 * 0.129_099, 5);
  });

  it('does not claim certainty where all tasks score the same', () => {
    expect(meanInterval([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false)).toMatchObject({
      method: 'wilson',
      low: 0,
      high: expect.closeTo(0.2425, 3) as unknown,
    });
    expect(meanInterval([0.3, 0.3, 0.3], false)?.method).toBe('wilson');
  });

  it('is Wilson for single successes and failures, t for means of samples', () => {
    expect(meanInterval([0, 1, 1, 0], true)?.method).toBe('wilson');
    expect(meanInterval([0, 1, 1, 0], false)?.method).toBe('t');
    // 15 of 50, a worked example of the Wilson interval
    const { low, high } = wilson(15 / 50, 50);
    expect([low, high]).toEqual([expect.closeTo(0.191, 3), expect.closeTo(0.4375, 3)]);
  });

  it.each([[[]], [[0.5]], [[0.5, 1.5]]])('is absent for %j', (means) => {
    expect(meanInterval(means, false)).toBeNull();
  });

  it('holds the mean and stays within [0, 1], whatever the scores', () => {
    const scores = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(scores, fc.boolean(), (means, single) => {
        const interval = meanInterval(means, single);
        const m = mean(means) ?? Number.NaN;
        if (interval === null) throw new Error('no interval');
        expect(interval.low).toBeGreaterThanOrEqual(0);
        expect(interval.high).toBeLessThanOrEqual(1);
        expect(interval.low).toBeLessThanOrEqual(m + 1e-9);
        expect(interval.high).toBeGreaterThanOrEqual(m - 1e-9);
      }),
    );
  });
});
