import { expect, test } from 'vitest';
import { clusterCount, clusterOfWorker } from './layer-workers.ts';
import { LongFirst } from './long-first.ts';

test('there is a cluster for each worker that has a file, and always one', () => {
  expect([clusterCount(2, 28), clusterCount(2, 1), clusterCount(1, 9), clusterCount(2, 0)]).toEqual(
    [2, 1, 1, 1],
  );
});

test('a worker has the cluster of its number, and none but that', () => {
  expect(['1', '2'].map((pool) => clusterOfWorker(['a', 'b'], pool))).toEqual(['a', 'b']);
  for (const pool of ['3', '0', undefined]) {
    expect(() => clusterOfWorker(['a', 'b'], pool)).toThrow(/has no cluster: 2 were started/);
  }
});

test('files that take longest come first, in their order, and the others as they were', () => {
  const order = ['b.test.ts', 'long/one.test.ts', 'a.test.ts', 'long/two.test.ts'];
  expect(LongFirst.order(order, ['long/two.test.ts', 'long/one.test.ts'], (path) => path)).toEqual([
    'long/two.test.ts',
    'long/one.test.ts',
    'b.test.ts',
    'a.test.ts',
  ]);
});
