import { expect, test } from 'vitest';
import { trainerEnd } from './exit-code.ts';

test.each<[number | null, string | null, object]>([
  [0, null, { kind: 'done' }],
  [1, null, { kind: 'crashed', reason: 'exit code 1' }],
  [2, null, { kind: 'failed', reason: 'BadInput' }],
  [3, null, { kind: 'failed', reason: 'Diverged' }],
  [4, null, { kind: 'failed', reason: 'OutOfMemory' }],
  [143, null, { kind: 'stopped' }],
  [137, null, { kind: 'crashed', reason: 'exit code 137' }],
  [null, 'SIGTERM', { kind: 'stopped' }],
  [null, 'SIGKILL', { kind: 'crashed', reason: 'ended by SIGKILL' }],
  [null, null, { kind: 'crashed', reason: 'ended by a signal' }],
])('exit code %s, signal %s', (code, signal, end) => {
  expect(trainerEnd(code, signal)).toEqual(end);
});
