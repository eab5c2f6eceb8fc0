import fc from 'fast-check';
import { expect, it } from 'vitest';
import { indexRanges } from './index-ranges.ts';

it.each([
  [[], ''],
  [[0], '0'],
  [[0, 1, 2, 3, 4, 7, 9, 10, 11], '0-4,7,9-11'],
  [[3, 5], '3,5'],
  [[8, 9], '8-9'],
])('%j is %j', (indexes, text) => {
  expect(indexRanges(indexes)).toBe(text);
});

it('says exactly the indexes, in the form of the API', () => {
  const indexes = fc.uniqueArray(fc.nat(300)).map((all) => all.toSorted((a, b) => a - b));
  fc.assert(
    fc.property(indexes, (all) => {
      const text = indexRanges(all);
      expect(text).toMatch(/^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$/);
      expect(expand(text)).toEqual(all);
    }),
  );
});

function expand(text: string): number[] {
  if (text === '') return [];
  return text.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, step) => from + step);
  });
}
