import { expect, test } from 'vitest';
import { trainerEnd } from './exit-code.ts';

test.each<[number, object]>([
  [0, { kind: 'done' }],
  [1, { kind: 'crashed', reason: 'exit code 1' }],
  [2, { kind: 'failed', reason: 'BadInput' }],
  [3, { kind: 'failed', reason: 'Diverged' }],
  [4, { kind: 'failed', reason: 'OutOfMemory' }],
  [143, { kind: 'stopped' }],
  [137, { kind: 'crashed', reason: 'exit code 137' }],
])('exit code %s', (code, end) => {
  expect(trainerEnd(code)).toEqual(end);
});
