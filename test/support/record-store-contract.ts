import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asAttemptId, asBatchId, asRolloutId } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import type { PlannedRollout, RecordStore } from '../../src/store/records.ts';
import {
  aBatch,
  aCall,
  aClaim,
  aDecision,
  aFinish,
  anEnd,
  aPlan,
  aVerification,
  SOME_DIGEST,
} from './records.ts';

/** A place for one test: `open` gives the store; opened again it must show the same rows. */
export interface StorePlace extends AsyncDisposable {
  open(): Promise<RecordStore>;
}

const FIRST = asRolloutId('batch-1/task-0/0');
const SECOND = asRolloutId('batch-1/task-1/0');
const ATTEMPT = asAttemptId(`${FIRST}#1`);

/** The behaviour that every record store has, whatever it is built on. */
export function recordStoreContract(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(`record store contract: ${name}`, () => {
    let place: StorePlace;
    let store: RecordStore;

    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await store.planBatch(aBatch(), aPlan(2));
    });

    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });

    const reopen = async (): Promise<void> => {
      await store[Symbol.asyncDispose]();
      store = await place.open();
    };

    describe('plan', () => {
      it('keeps batch and rollouts in plan order over a restart', async () => {
        await reopen();
        expect(await store.getBatch(aBatch().id)).toEqual(aBatch());
        const rows = await store.listRollouts(aBatch().id);
        expect(rows.map((row) => [row.id, row.position, row.decision])).toEqual([
          [FIRST, 0, undefined],
          [SECOND, 1, undefined],
        ]);
        expect(await store.countOutcomes(aBatch().id)).toEqual({ planned: 2, undecided: 2 });
      });

      it('is a no-op when asked again, also after decisions', async () => {
        await store.openAttempt(FIRST, aClaim());
        await store.decideRollout(FIRST, aDecision(FIRST));
        await store.planBatch(aBatch({ createdAt: 9_999 }), aPlan(2));
        expect(await store.getBatch(aBatch().id)).toEqual(aBatch());
        expect(await store.countOutcomes(aBatch().id)).toEqual({
          planned: 2,
          undecided: 1,
          scored: 1,
        });
      });

      const others: [string, Parameters<RecordStore['planBatch']>, RegExp][] = [
        [
          'another spec digest',
          [aBatch({ specDigest: sha256('other') }), aPlan(2)],
          new RegExp(`${sha256('spec')}.*${sha256('other')}`),
        ],
        ['another task set', [aBatch({ taskSet: sha256('x') }), aPlan(2)], /task set/],
        ['fewer rollouts', [aBatch(), aPlan(1)], /rollout count 2.*1/],
        ['another order', [aBatch(), aPlan(2).toReversed()], /rollout 0/],
      ];
      it.each(others)('refuses the same id with %s', async (_name, [batch, plan], message) => {
        await expect(store.planBatch(batch, plan)).rejects.toMatchObject({
          code: 'Conflict',
          message: expect.stringMatching(message) as unknown,
        });
        expect(await store.countOutcomes(batch.id)).toEqual({ planned: 2, undecided: 2 });
      });

      it('keeps nothing of a plan that names a rollout twice', async () => {
        const batch = aBatch({ id: asBatchId('batch-2') });
        const [one] = aPlan(1, 1, 'batch-2') as [PlannedRollout];
        await expect(store.planBatch(batch, [one, one])).rejects.toMatchObject({
          code: 'InvalidInput',
        });
        expect(await store.getBatch(batch.id)).toBeUndefined();
      });

      it('decides what the plan itself decides', async () => {
        const batch = aBatch({ id: asBatchId('batch-2') });
        const [one, two] = aPlan(2, 1, 'batch-2') as [PlannedRollout, PlannedRollout];
        const decided = { outcome: 'not_gradable', reason: 'NeedsImage' } as const;
        await store.planBatch(batch, [one, { ...two, decided }]);
        expect((await store.getRollout(two.id))?.decision).toMatchObject({
          ...decided,
          attempt: undefined,
          score: { flat: null, native: null, rubric: null, final: null },
        });
        const undecided = await store.listRollouts(batch.id, { undecided: true });
        expect(undecided.map((row) => row.id)).toEqual([one.id]);
      });

      it('lists batches in order of creation', async () => {
        for (const id of ['zz', 'aa']) await store.planBatch(aBatch({ id: asBatchId(id) }), []);
        expect((await store.listBatches()).map((batch) => batch.id)).toEqual([
          'batch-1',
          'zz',
          'aa',
        ]);
      });
    });

    describe('attempts', () => {
      it('number from 1 and open again only after the last is closed', async () => {
        const first = await store.openAttempt(FIRST, aClaim());
        expect(first).toMatchObject({ id: ATTEMPT, number: 1, end: undefined, close: undefined });
        await expect(store.openAttempt(FIRST, aClaim({ nonce: 'b' }))).rejects.toMatchObject({
          code: 'Conflict',
          message: expect.stringContaining('engine-1') as unknown,
        });
        await store.closeAttempt(ATTEMPT, { class: 'disruption', reason: 'x', closedAt: 1 });
        expect((await store.openAttempt(FIRST, aClaim({ nonce: 'b' }))).number).toBe(2);
        expect((await store.listAttempts(FIRST)).map((row) => row.number)).toEqual([1, 2]);
      });

      it('open once when two ask at the same time', async () => {
        const both = await Promise.allSettled([
          store.openAttempt(FIRST, aClaim({ nonce: 'a' })),
          store.openAttempt(FIRST, aClaim({ nonce: 'b' })),
          store.openAttempt(SECOND, aClaim({ nonce: 'c' })),
        ]);
        expect(both.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(await store.listAttempts(FIRST)).toHaveLength(1);
        expect((await store.listAttempts(FIRST))[0]?.nonce).toBe('a');
      });

      it('are refused for a decided and for an unknown rollout', async () => {
        await store.decideRollout(FIRST, aDecision(FIRST, { attempt: undefined }));
        await expect(store.openAttempt(FIRST, aClaim())).rejects.toMatchObject({
          code: 'Conflict',
        });
        await expect(store.openAttempt(asRolloutId('none'), aClaim())).rejects.toMatchObject({
          code: 'NotFound',
        });
      });

      it('keep the first end, and fence another nonce', async () => {
        await store.openAttempt(FIRST, aClaim());
        const end = anEnd({ findings: [{ code: 'EntrySkipped', message: 'a\nFIFO \u202e"x"' }] });
        await expect(store.endAttempt(ATTEMPT, 'other', end)).rejects.toMatchObject({
          code: 'Fenced',
        });
        expect((await store.getAttempt(ATTEMPT))?.end).toBeUndefined();
        await store.endAttempt(ATTEMPT, 'nonce-1', end);
        await store.endAttempt(ATTEMPT, 'nonce-1', anEnd({ endedAt: 9_999 }));
        await reopen();
        expect((await store.getAttempt(ATTEMPT))?.end).toEqual(end);
      });

      it('fence an end that comes after the close', async () => {
        await store.openAttempt(FIRST, aClaim());
        await store.closeAttempt(ATTEMPT, { class: 'disruption', reason: '', closedAt: 1 });
        await expect(store.endAttempt(ATTEMPT, 'nonce-1', anEnd())).rejects.toMatchObject({
          code: 'Fenced',
        });
      });

      it('keep how they ended with a close that nothing follows, never over an end', async () => {
        const close = { class: 'infra_error', reason: 'UpstreamFailed', closedAt: 10 } as const;
        await store.openAttempt(FIRST, aClaim());
        await store.closeAttempt(ATTEMPT, close, anEnd({ endedAt: 7 }));
        await store.openAttempt(SECOND, aClaim());
        const [other] = await store.listAttempts(SECOND);
        if (other === undefined) throw new Error('no attempt');
        await store.endAttempt(other.id, other.nonce, anEnd({ endedAt: 8 }));
        await store.closeAttempt(other.id, close, anEnd({ endedAt: 9 }));
        await reopen();
        const kept = await store.getAttempt(ATTEMPT);
        expect([kept?.close, kept?.end]).toEqual([close, anEnd({ endedAt: 7 })]);
        expect((await store.getAttempt(other.id))?.end?.endedAt).toBe(8);
      });

      it('close twice as the same class, never as another', async () => {
        await store.openAttempt(FIRST, aClaim());
        const close = { class: 'scored', reason: 'first', closedAt: 10 } as const;
        await store.closeAttempt(ATTEMPT, close);
        await store.closeAttempt(ATTEMPT, { ...close, reason: 'second', closedAt: 11 });
        await expect(
          store.closeAttempt(ATTEMPT, { ...close, class: 'infra_error' }),
        ).rejects.toMatchObject({ code: 'Conflict' });
        expect((await store.getAttempt(ATTEMPT))?.close).toEqual(close);
      });
    });

    describe('verifications and decisions', () => {
      it('keep the first verification of a kind, exact to the bit and in order', async () => {
        await store.openAttempt(FIRST, aClaim());
        const first = await store.addVerification(aVerification(FIRST));
        expect(first).toEqual(aVerification(FIRST));
        const again = await store.addVerification(
          aVerification(FIRST, { flat: 1, status: 'crash' }),
        );
        expect(again).toEqual(first);
        await store.addVerification(aVerification(FIRST, { kind: 'asLeft', native: null }));
        await reopen();
        const rows = await store.listVerifications(ATTEMPT);
        expect(rows).toEqual([first, aVerification(FIRST, { kind: 'asLeft', native: null })]);
        expect(rows[0]?.checks.map((check) => check.name)).toEqual(['zeta', 'alpha']);
      });

      it('refuse a verification without its attempt and numbers that are none', async () => {
        await expect(store.addVerification(aVerification(FIRST))).rejects.toMatchObject({
          code: 'NotFound',
        });
        await store.openAttempt(FIRST, aClaim());
        const checks = [{ name: 'a', value: Number.NaN }];
        await expect(store.addVerification(aVerification(FIRST, { checks }))).rejects.toMatchObject(
          {
            code: 'InvalidInput',
          },
        );
        expect(await store.listVerifications(ATTEMPT)).toEqual([]);
      });

      it('keep the first decision and return it to the second', async () => {
        await store.openAttempt(FIRST, aClaim());
        const first = aDecision(FIRST, {
          asLeft: { flat: 0.2, native: 0.2, rubric: null, final: 0.2 },
        });
        expect((await store.decideRollout(FIRST, first)).decision).toEqual(first);
        const late = aDecision(FIRST, { outcome: 'infra_error' });
        expect((await store.decideRollout(FIRST, late)).decision).toEqual(first);
        await reopen();
        expect((await store.getRollout(FIRST))?.decision).toEqual(first);
      });

      it('open an infra_error again, and nothing else', async () => {
        await store.openAttempt(FIRST, aClaim());
        await store.closeAttempt(ATTEMPT, { class: 'infra_error', reason: 'x', closedAt: 1 });
        await store.decideRollout(FIRST, aDecision(FIRST, { outcome: 'infra_error' }));
        expect((await store.getRollout(FIRST))?.retriesFrom).toBe(0);
        const opened = await store.reopenRollout(FIRST);
        expect(opened).toMatchObject({ decision: undefined, retriesFrom: 1 });
        await reopen();
        expect(await store.getRollout(FIRST)).toEqual(opened);
        expect(await store.countOutcomes(aBatch().id)).toEqual({ planned: 2, undecided: 2 });
        expect((await store.openAttempt(FIRST, aClaim({ nonce: 'b' }))).number).toBe(2);
        const again = aDecision(FIRST, { attempt: asAttemptId(`${FIRST}#2`) });
        expect((await store.decideRollout(FIRST, again)).decision).toEqual(again);
        for (const id of [FIRST, SECOND]) {
          await expect(store.reopenRollout(id)).rejects.toMatchObject({ code: 'Conflict' });
        }
      });

      it('refuse a decision by an attempt of another rollout', async () => {
        await store.openAttempt(SECOND, aClaim());
        await expect(store.decideRollout(FIRST, aDecision(SECOND))).rejects.toMatchObject({
          code: 'NotFound',
        });
        expect((await store.getRollout(FIRST))?.decision).toBeUndefined();
      });
    });

    describe('model calls', () => {
      beforeEach(async () => {
        await store.openAttempt(FIRST, aClaim());
        await store.openAttempt(SECOND, aClaim());
      });

      it('are numbered in order of arrival and answered again by id', async () => {
        const opened = await Promise.all(
          ['c', 'a', 'b'].map((callId) => store.openCall(aCall(FIRST, { callId }))),
        );
        expect(opened.map(({ row, created }) => [row.callId, row.sequence, created])).toEqual([
          ['c', 1, true],
          ['a', 2, true],
          ['b', 3, true],
        ]);
        await store.finishCall('a', aFinish({ inputTokens: undefined }));
        const again = await store.openCall(aCall(FIRST, { callId: 'a', startedAt: 9_999 }));
        expect(again).toEqual({
          created: false,
          row: {
            ...aCall(FIRST, { callId: 'a' }),
            sequence: 2,
            finish: aFinish({ inputTokens: undefined }),
          },
        });
        expect((await store.listCalls(ATTEMPT)).map((row) => row.callId)).toEqual(['c', 'a', 'b']);
      });

      it('never answer one attempt from the record of another', async () => {
        await store.openCall(aCall(FIRST));
        await expect(store.openCall(aCall(SECOND))).rejects.toMatchObject({ code: 'Conflict' });
        expect(await store.listCalls(asAttemptId(`${SECOND}#1`))).toEqual([]);
      });

      it('keep the first finish', async () => {
        await store.openCall(aCall(FIRST));
        await store.finishCall('call-1', aFinish());
        await store.finishCall('call-1', aFinish({ result: 'error', response: sha256('x') }));
        await reopen();
        expect((await store.getCall('call-1'))?.finish).toEqual(aFinish());
        await expect(store.finishCall('none', aFinish())).rejects.toMatchObject({
          code: 'NotFound',
        });
      });
    });

    it('undoes only the operation that failed among those committed together', async () => {
      const results = await Promise.allSettled([
        store.openAttempt(FIRST, aClaim()),
        store.openAttempt(asRolloutId('none'), aClaim()),
        store.endAttempt(ATTEMPT, 'nonce-1', anEnd()),
        store.endAttempt(ATTEMPT, 'wrong', anEnd()),
        store.closeAttempt(ATTEMPT, { class: 'scored', reason: '', closedAt: 1 }),
      ]);
      expect(results.map((result) => result.status === 'fulfilled')).toEqual([
        true,
        false,
        true,
        false,
        true,
      ]);
      await reopen();
      expect(await store.getAttempt(ATTEMPT)).toMatchObject({
        end: { snapshot: SOME_DIGEST },
        close: { class: 'scored' },
      });
    });
  });
}
