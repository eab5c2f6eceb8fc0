import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NoveltyIndex } from './novelty-index.ts';
import { shingles, similarity } from './shingles.ts';

const TEXT =
  'Add up the amounts of data/stock.csv by month, leave out rows without a date, and write the sums to out/months.json in the order of the calendar, with the year in the key and the amount as a number with two places.';
const OTHER =
  'The roster of the ward stands in plans/roster.md. Find everybody who has less than eleven hours between two shifts and list name, day and hours in out/rest.csv, the shortest rest first; ties by name.';

describe('an instruction', () => {
  const index = new NoveltyIndex();
  index.add('first', TEXT);

  test.each<[string, string, number | undefined]>([
    ['the same words', TEXT, 1],
    ['other marks, case and blanks', `  ${TEXT.toUpperCase().replaceAll(',', ' ;')}`, 1],
    ['other words', OTHER, undefined],
  ])('of %s', (_name, text, expected) => {
    expect(index.twinOf(text, 0.7)?.similarity).toBe(expected);
  });

  test('with one word changed is nearly the same', () => {
    const twin = index.twinOf(TEXT.replace('months.json', 'sums.json'), 0.7);
    expect(twin?.id).toBe('first');
    expect(twin?.similarity).toBeGreaterThan(0.7);
    expect(twin?.similarity).toBeLessThan(1);
  });

  test('is as near as the bound allows', () => {
    const changed = TEXT.replace('months.json', 'sums.json');
    const near = index.twinOf(changed, 0)?.similarity ?? 0;
    expect(index.twinOf(changed, near)).toBeUndefined();
  });

  test('that is short is compared by characters too', () => {
    const short = new NoveltyIndex();
    short.add('first', 'Write word 3 of this list into answer.txt: amber birch cedar delta');
    const other = 'Write word 2 of this list into answer.txt: quartz river stone tulip';
    expect(short.twinOf(other, 0.7)).toBeUndefined();
    const twin = 'Write word 3 of this list into answer.txt: amber birch cedar deltas';
    expect(short.twinOf(twin, 0.7)?.id).toBe('first');
  });
});

test('similarity is the same both ways, and 1 with itself', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.string({ maxLength: 200 }), (a, b) => {
      const [one, other] = [shingles(a), shingles(b)];
      expect(similarity(one, other)).toBe(similarity(other, one));
      expect(similarity(one, one)).toBe(1);
    }),
    { numRuns: 50 },
  );
});
