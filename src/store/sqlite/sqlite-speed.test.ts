import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  aBatch,
  aClaim,
  aDecision,
  anEnd,
  aPlan,
  aVerification,
} from '../../../test/support/records.ts';
import { systemClock } from '../../base/clock.ts';
import type { RecordStore } from '../records.ts';
import { openSqliteStore } from './open.ts';

/**
 * Bounds are ten times what a quiet laptop needs: they catch a lost index or an fsync per row, not
 * a busy machine.
 */
describe('speed of the record store', { timeout: 60_000 }, () => {
  let folder: string;
  let store: RecordStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clawgym-speed-'));
    store = await openSqliteStore({ folder, holder: 'test', clock: systemClock });
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };

  it('plans 20,000 rollouts and counts them', async () => {
    const plan = aPlan(10_000, 2);
    expect(await timed(() => store.planBatch(aBatch(), plan))).toBeLessThan(5_000);
    expect(await timed(() => store.countOutcomes(aBatch().id))).toBeLessThan(200);
  });

  it('lives 1,000 attempts through in eight lanes', async () => {
    await store.planBatch(aBatch(), aPlan(1_000));
    const left = [...(await store.listRollouts(aBatch().id))];
    const lane = async (): Promise<void> => {
      for (let row = left.pop(); row !== undefined; row = left.pop()) {
        const { id } = await store.openAttempt(row.id, aClaim());
        await store.endAttempt(id, 'nonce-1', anEnd());
        await store.addVerification(aVerification(row.id));
        await store.decideRollout(row.id, aDecision(row.id));
        await store.closeAttempt(id, { class: 'scored', reason: '', closedAt: 1 });
      }
    };
    expect(await timed(() => Promise.all(Array.from({ length: 8 }, lane)))).toBeLessThan(20_000);
    expect(await store.countOutcomes(aBatch().id)).toMatchObject({ scored: 1_000 });
  });
});
