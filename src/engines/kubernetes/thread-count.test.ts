import { expect, test } from 'vitest';
import { threadVariables } from './thread-count.ts';

test.each<[string | undefined, number, string | undefined]>([
  ['2', 1, '2'],
  ['1500m', 1, '1'],
  ['500m', 1, '1'],
  ['2.5', 1, '2'],
  ['96', 8, '12'],
  ['4', 8, '1'],
  [undefined, 1, undefined],
])('%s CPUs for %i processes are %s threads each', (cpu, processes, threads) => {
  const expected = threads === undefined ? {} : { OMP_NUM_THREADS: threads };
  expect(threadVariables(cpu, processes)).toEqual(expected);
});
