import { expect, test } from 'vitest';
import { count, plural } from './format.ts';

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [9999, '9,999'],
  [10_000, '10.0 k'],
  [123_456, '123 k'],
  [2_500_000, '2.5 M'],
])('count(%i) is %s', (value, text) => {
  expect(count(value)).toBe(text);
});

test.each([
  [1, '1 task'],
  [12, '12 tasks'],
  [1234, '1,234 tasks'],
  [123_456, '123,456 tasks'],
  [1_234_567, '1,234,567 tasks'],
])('plural(%i) is %s', (number, text) => {
  expect(plural(number, 'task')).toBe(text);
});
