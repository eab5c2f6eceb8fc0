import { expect, test } from 'vitest';
import { serverProblem } from './server-problem.ts';

test.each([
  ['ServerUnavailable', 'ServerUnavailable'],
  ['StoreUnavailable', 'ServerUnavailable'],
  ['ProtocolMismatch', 'ServerIncompatible'],
] as const)('%s is %s', (code, reason) => {
  expect(serverProblem({ code, message: 'why' })).toEqual({ reason, message: 'why' });
});
