import { expect, test } from 'vitest';
import { openAhead } from './open-ahead.ts';

const never = new AbortController().signal;

function resource() {
  const closed: string[] = [];
  return { closed, [Symbol.asyncDispose]: async () => void closed.push('closed') };
}

test('closes what it opened, used or not', async () => {
  for (const used of [true, false]) {
    const opened = resource();
    {
      await using ahead = openAhead(() => Promise.resolve(opened), never);
      if (used) expect(await ahead.value).toBe(opened);
    }
    expect(opened.closed).toEqual(['closed']);
  }
});

test('stops an opening that nobody waits for any more', async () => {
  let stopped = false;
  const ahead = openAhead(
    (signal) =>
      new Promise<AsyncDisposable>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped = true;
          reject(new Error('stopped'));
        });
      }),
    never,
  );
  await ahead[Symbol.asyncDispose]();
  expect(stopped).toBe(true);
});

test('passes the stop of the run on, and fails where its value is asked for', async () => {
  const run = new AbortController();
  await using ahead = openAhead(
    (signal) =>
      new Promise<AsyncDisposable>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('run stopped')));
      }),
    run.signal,
  );
  run.abort();
  await expect(ahead.value).rejects.toThrow('run stopped');
});
