import { afterEach, beforeEach, expect, it } from 'vitest';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';

const PUT = '/rollouts/v1/artifacts';

let bed: SandboxBed;
beforeEach(async () => {
  bed = await SandboxBed.start();
});
afterEach(() => bed[Symbol.asyncDispose]());

it('a pod stores no more than the ends of a few attempts, over all its claims', async () => {
  await bed.claim('stage');
  const one = (index: number) => Buffer.alloc(1024 * 1024, index);
  let stored = 0;
  let refused: Awaited<ReturnType<typeof bed.ask>> | undefined;
  for (let claim = 0; claim < 3 && refused === undefined; claim += 1) {
    // A newer claim of the same pod has no allowance of its own.
    const companion = await bed.credential('companion');
    for (let index = 0; index < 10 && refused === undefined; index += 1) {
      const told = await bed.ask('PUT', PUT, companion, one(stored));
      if (told.status === 200) stored += 1;
      else refused = told;
    }
  }
  expect(stored).toBe(20);
  expect(refused).toMatchObject({
    status: 413,
    json: { code: 'TooLarge', message: expect.stringContaining('together') as unknown },
  });
});
