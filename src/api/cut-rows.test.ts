import { expect, test } from 'vitest';
import { cutRowsWarning } from './cut-rows.ts';

test.each([
  [undefined, undefined],
  [{ kept: 20 }, undefined],
  [{ kept: 20, cut: 0 }, undefined],
  [
    { kept: 20, cut: 3 },
    '3 of the 20 rows that were trained on are longer than context.maxTokens 2048 and were cut at their end',
  ],
])('of %o', (rows, words) => {
  expect(cutRowsWarning(rows, 2048)).toBe(words);
});
