import { expect, test } from 'vitest';
import { type KnownAnswer, nextQuestion } from './next-question.ts';

const NOW = 10_000_000;
const hold = { reason: 'UpstreamRefused', message: 'status 401' } as const;
const known = (asked: number, read: number, held = false): KnownAnswer => ({
  hold: held ? hold : undefined,
  askedAt: NOW - asked,
  readAt: NOW - read,
});

test.each<[string, KnownAnswer | undefined, 'ask' | 'read' | 'rest']>([
  ['nothing is known', undefined, 'ask'],
  ['it answered just now', known(0, 0), 'rest'],
  ['it answered, and the Secret was read lately', known(599_000, 29_000), 'rest'],
  ['it answered, and the Secret may have changed', known(599_000, 30_000), 'read'],
  ['its answer is old', known(600_000, 0), 'ask'],
  ['it refused just now', known(0, 0, true), 'rest'],
  ['it refused, and the Secret may be corrected', known(29_000, 5000, true), 'read'],
  ['it refused, and may have come up', known(30_000, 0, true), 'ask'],
])('where %s', (_name, answer, expected) => {
  expect(nextQuestion(answer, NOW)).toBe(expected);
});
