import { expect, test } from 'vitest';
import { ClawError, type ErrorCode } from '../../../src/base/error.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { batchOf } from '../../../test/support/run-objects.ts';
import { silentLogger } from '../../kube/base/logger.ts';
import type { Cache, CacheHandler } from '../../kube/cache/cache.ts';
import { keyOf } from '../../kube/objects/object-key.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { DepartedBatches } from './departed.ts';
import { farewell } from './farewell.ts';

/** Batches of one name, and a server that answers as it is told. */
function setUp() {
  const clock = new ManualClock();
  const handlers: CacheHandler<RolloutBatch>[] = [];
  const batches = { subscribe: (handler: CacheHandler<RolloutBatch>) => handlers.push(handler) };
  const departed = new DepartedBatches(batches as unknown as Cache<RolloutBatch>, clock);
  const told: string[] = [];
  const forgotten: string[] = [];
  const answers: { error: Error | undefined } = { error: undefined };
  const server = {
    cancel: async (uid: string) => {
      told.push(uid);
      if (answers.error !== undefined) throw answers.error;
    },
  };
  const context = { signal: new AbortController().signal, logger: silentLogger };
  return {
    ...{ clock, told, forgotten, answers },
    remove: (uid: string) => {
      const object = batchOf('one', {}, {}, { uid });
      for (const handler of handlers)
        handler({ type: 'deleted', object, finalStateUnknown: false });
    },
    look: async () =>
      farewell({ departed, server }, keyOf(batchOf('one')), (uid) => forgotten.push(uid), context),
  };
}

const failed = (code: ErrorCode, retryable: boolean) => new ClawError(code, 'no', { retryable });

test('the server is told once of each batch that was deleted', async () => {
  const { remove, look, told, forgotten } = setUp();
  remove('a');
  remove('b');
  expect(await look()).toBe(undefined);
  expect(await look()).toBe(undefined);
  expect(told).toEqual(['a', 'b']);
  expect(forgotten).toEqual(['a', 'b']);
});

test('a server that is away is told again, less and less often', async () => {
  const { remove, look, told, answers, clock } = setUp();
  answers.error = failed('ServerUnavailable', true);
  remove('a');
  const pauses: (number | undefined)[] = [];
  for (let failure = 0; failure < 8; failure += 1) {
    const waitMs = await look();
    pauses.push(waitMs);
    // Something else asks for a look in between.
    clock.advance((waitMs ?? 0) - 1);
    await look();
    clock.advance(1);
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  expect(told).toHaveLength(8);
  answers.error = undefined;
  expect(await look()).toBe(undefined);
  expect(told).toHaveLength(9);
});

test('a batch that the server never knew is not asked for again', async () => {
  const { remove, look, told, answers } = setUp();
  answers.error = failed('NotFound', false);
  remove('a');
  expect(await look()).toBe(undefined);
  expect(told).toEqual(['a']);
});
