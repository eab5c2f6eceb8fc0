import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aBatch, aDecision, aFinish, anEnd, aVerification } from '../../../test/support/records.ts';
import { startStoreChild } from '../../../test/support/store-child.ts';
import { asRolloutId, type RolloutId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import type { RecordStore } from '../records.ts';
import { openSqliteStore } from './open.ts';

const ROLLOUTS = 40;

describe('a record store whose owner is killed', { timeout: 60_000 }, () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clawgym-killed-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('keeps every acknowledged step, tears no row and finishes after the restarts', async () => {
    let acknowledged = 0;
    for (const lines of [1, 2, 9, 30, 47, 61]) {
      await using child = startStoreChild(folder, ROLLOUTS, 4);
      await child.lines(lines);
      const steps = await child.kill();
      acknowledged += steps.length;
      await using store = await openSqliteStore({ folder, holder: 'test', clock: systemClock });
      await expectSteps(store, steps);
      await expectWhole(store);
      expectIntact(folder);
    }
    expect(acknowledged).toBeGreaterThanOrEqual(150);
    await using last = startStoreChild(folder, ROLLOUTS, 4);
    await last.lines(Number.POSITIVE_INFINITY);
    await using store = await openSqliteStore({ folder, holder: 'test', clock: systemClock });
    expect(await store.countOutcomes(aBatch().id)).toEqual({
      planned: ROLLOUTS,
      undecided: 0,
      scored: ROLLOUTS,
    });
  });
});

/** What the killed process was told is durable must be there. */
async function expectSteps(store: RecordStore, steps: readonly string[]): Promise<void> {
  for (const line of steps) {
    const [step, id = ''] = line.split(' ');
    const rollout = asRolloutId(id);
    const attempt = (await store.listAttempts(rollout)).at(-1);
    if (step === 'ready') expect(await store.listRollouts(aBatch().id)).toHaveLength(ROLLOUTS);
    else expect(attempt, line).toBeDefined();
    if (attempt === undefined) continue;
    if (step === 'call') expect((await store.getCall(attempt.id))?.finish).toEqual(aFinish());
    if (step === 'end') expect(attempt.end).toEqual(anEnd());
    if (step === 'verify') {
      const row = aVerification(rollout, { attempt: attempt.id });
      expect(await store.listVerifications(attempt.id)).toEqual([row]);
    }
    if (step === 'decide') await expectDecided(store, rollout);
  }
}

async function expectDecided(store: RecordStore, rollout: RolloutId): Promise<void> {
  const row = await store.getRollout(rollout);
  const attempt = row?.decision?.attempt;
  expect(row?.decision).toEqual(aDecision(rollout, attempt === undefined ? {} : { attempt }));
}

/** Steps of one rollout come in order, so a later one is never there without the earlier. */
async function expectWhole(store: RecordStore): Promise<void> {
  for (const row of await store.listRollouts(aBatch().id)) {
    const attempts = await store.listAttempts(row.id);
    expect(attempts.map((attempt) => attempt.number)).toEqual(attempts.map((_, at) => at + 1));
    const last = attempts.at(-1);
    for (const earlier of attempts.slice(0, -1)) expect(earlier.close?.class).toBe('disruption');
    if (row.decision === undefined) continue;
    expect(last?.end).toEqual(anEnd());
    expect(await store.listVerifications(row.decision.attempt ?? (row.id as never))).toHaveLength(
      1,
    );
  }
}

function expectIntact(folder: string): void {
  const db = new DatabaseSync(join(folder, 'records.sqlite'), { readOnly: true });
  try {
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    expect(db.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
  } finally {
    db.close();
  }
}
