import { expect, it } from 'vitest';
import { Sweeps } from './sweeps.ts';

it('goes on beside, once a batch, and again when it is over', async () => {
  const sweeps = new Sweeps();
  const started: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const failures: unknown[] = [];
  const start = (uid: string, gate = gates[0]) =>
    sweeps.start(
      uid,
      async () => {
        started.push(uid);
        await gate?.promise;
      },
      (error) => failures.push(error),
    );
  start('a');
  start('a');
  start('b', gates[1]);
  expect(started).toEqual(['a', 'b']);
  gates[0]?.reject(new Error('lost'));
  await expect.poll(() => failures.length).toBe(1);
  await expect
    .poll(() => {
      start('a', gates[1]);
      return started;
    })
    .toEqual(['a', 'b', 'a']);
  gates[1]?.resolve();
});
