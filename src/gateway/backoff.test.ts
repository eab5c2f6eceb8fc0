import { expect, it } from 'vitest';
import { backoffMs, retryAfterMs } from './backoff.ts';

it('doubles up to the cap, half of it random', () => {
  const backoff = { firstMs: 100, maxMs: 1000 };
  expect([1, 2, 3, 4, 5, 99].map((failures) => backoffMs(backoff, failures, 1))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffMs(backoff, 3, 0)).toBe(200);
});

it.each([
  [undefined, undefined],
  ['3', 3000],
  ['0.5', 500],
  ['Sat, 21 Nov 2026 08:00:10 GMT', 10_000],
  ['Sat, 21 Nov 2026 07:00:00 GMT', 0],
  ['soon', undefined],
  ['-1', undefined],
])('Retry-After %s is %s ms', (header, ms) => {
  expect(retryAfterMs(header, Date.parse('2026-11-21T08:00:00Z'))).toBe(ms);
});
