import { expect, test } from 'vitest';
import { runLimited } from './run-limited.ts';

const never = new AbortController().signal;

test('runs every item once and never more than the limit at a time', async () => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  await runLimited(
    [1, 2, 3, 4, 5, 6, 7],
    3,
    async (item) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      seen.push(item);
      running -= 1;
    },
    never,
  );
  expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
});

test('stops handing out items after a failure and reports it when the rest has ended', async () => {
  const ended: number[] = [];
  const run = runLimited(
    [1, 2, 3, 4, 5],
    2,
    async (item) => {
      if (item === 1) throw new Error('item 1 broke');
      await Promise.resolve();
      await Promise.resolve();
      ended.push(item);
    },
    never,
  );
  await expect(run).rejects.toThrow('item 1 broke');
  expect(ended).toEqual([2]);
});

test('hands out nothing once the signal has fired', async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  await runLimited(
    [1, 2, 3],
    1,
    async (item) => {
      seen.push(item);
      stop.abort();
    },
    stop.signal,
  );
  expect(seen).toEqual([1]);
});
