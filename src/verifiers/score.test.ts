import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineScore, flatScore, isRubricAnchor, rubricScore } from './score.ts';

const WEIGHTS = { code: '0.7', rubric: '0.3' };

describe('combineScore', () => {
  it("weighs code and rubric by ClawGym's 0.7 and 0.3", () => {
    expect(combineScore({ flat: 0.2, native: 0.5 }, 0.75, WEIGHTS)).toEqual({
      flat: 0.2,
      native: 0.5,
      rubric: 0.75,
      final: (0.5 * 0.7 + 0.75 * 0.3) / (0.7 + 0.3),
    });
  });

  it.each([
    ['code alone, native by default', { flat: 0.2, native: 0.5 }, undefined, 'native', 0.5],
    ['code alone, flat where asked', { flat: 0.2, native: 0.5 }, undefined, 'flat', 0.2],
    ['rubric alone', undefined, 0.75, 'native', 0.75],
    ['nothing', undefined, undefined, 'native', null],
    ['a flat mean above 1', { flat: 1.5, native: 1 }, undefined, 'flat', 1],
    ['a flat mean below 0', { flat: -2, native: 0 }, undefined, 'flat', 0],
  ] as const)('takes %s', (_name, code, rubric, choice, final) => {
    expect(combineScore(code, rubric, WEIGHTS, choice).final).toBe(final);
  });

  it('keeps the flat mean as the reference has it', () => {
    expect(combineScore({ flat: 1.5, native: 1 }, undefined, WEIGHTS).flat).toBe(1.5);
  });

  it('needs only the relation of the weights, and no sum of zero', () => {
    const code = { flat: 0, native: 1 };
    expect(combineScore(code, 0, { code: '7', rubric: '3' }).final).toBe(0.7);
    expect(combineScore(code, 0, { code: '0', rubric: '0' }).final).toBeNull();
    expect(combineScore(code, undefined, { code: '0', rubric: '1' }).final).toBe(1);
  });

  it('stays between its halves', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const weight = fc.integer({ min: 1, max: 100 }).map(String);
    fc.assert(
      fc.property(unit, unit, weight, weight, (native, rubric, a, b) => {
        const { final } = combineScore({ flat: 0, native }, rubric, { code: a, rubric: b });
        expect(final).toBeGreaterThanOrEqual(Math.min(native, rubric) - 1e-12);
        expect(final).toBeLessThanOrEqual(Math.max(native, rubric) + 1e-12);
      }),
    );
  });
});

describe('flatScore', () => {
  it('adds from left to right in plain doubles', () => {
    const tenths = Array.from({ length: 10 }, (_, index) => ({ name: `c${index}`, value: 0.1 }));
    // A compensated sum gives exactly 1 and so exactly 0.1.
    expect(flatScore(tenths)).toBe(0.09999999999999999);
    expect(flatScore([])).toBeUndefined();
  });
});

describe('rubricScore', () => {
  it('is the mean by weight of the five anchors', () => {
    expect(
      rubricScore([
        { value: 1, weight: '3' },
        { value: 0, weight: '1' },
      ]),
    ).toBe(0.75);
    expect(rubricScore([])).toBeUndefined();
    expect([0, 0.25, 0.5, 0.75, 1].every(isRubricAnchor)).toBe(true);
    expect([0.3, -0.25, 1.25, Number.NaN].some(isRubricAnchor)).toBe(false);
  });
});
