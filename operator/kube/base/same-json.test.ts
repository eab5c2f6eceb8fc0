import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sameJson } from './same-json.ts';

test.each<[unknown, unknown, boolean]>([
  [{ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: null }, {}, false],
  [[1, 2], [2, 1], false],
  [[1], [1, 2], false],
  [[], {}, false],
  [{ 0: 1 }, [1], false],
  ['1', 1, false],
  [undefined, {}, false],
])('%j and %j: %s', (one, other, same) => {
  expect(sameJson(one, other)).toBe(same);
  expect(sameJson(other, one)).toBe(same);
});

test('a copy is the same, a copy with one more field is not', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const copy = JSON.parse(JSON.stringify(value));
      expect(sameJson(JSON.parse(JSON.stringify(value)), copy)).toBe(true);
      expect(sameJson(copy, { ...copy, 'one more': 1 })).toBe(false);
    }),
  );
});
