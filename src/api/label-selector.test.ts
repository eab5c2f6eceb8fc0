import { expect, test } from 'vitest';
import { type LabelSelector, selects } from './label-selector.ts';

const labels = { level: 'easy', area: 'files' };
const one = (
  key: string,
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist',
  ...values: string[]
): LabelSelector => ({
  matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }],
});

test.each<[boolean, LabelSelector]>([
  [true, { matchLabels: { level: 'easy' } }],
  [true, { matchLabels: { level: 'easy', area: 'files' } }],
  [false, { matchLabels: { level: 'easy', area: 'mail' } }],
  [false, { matchLabels: { lev: 'easy' } }],
  [false, { matchLabels: { constructor: 'x' } }],
  [true, one('level', 'In', 'hard', 'easy')],
  [false, one('level', 'In', 'hard')],
  [false, one('owner', 'In', 'me')],
  [true, one('level', 'NotIn', 'hard')],
  [false, one('level', 'NotIn', 'easy')],
  [true, one('owner', 'NotIn', 'me')],
  [true, one('level', 'Exists')],
  [false, one('toString', 'Exists')],
  [true, one('owner', 'DoesNotExist')],
  [false, one('level', 'DoesNotExist')],
  [false, { matchLabels: { level: 'easy' }, ...one('area', 'In', 'mail') }],
])('%s for %j', (expected, selector) => {
  expect(selects(selector, labels)).toBe(expected);
});
