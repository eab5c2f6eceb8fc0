import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { aJob, aShape, someEvidence } from '../../../test/support/cluster-rows.ts';
import { aBatch, aClaim, aPlan } from '../../../test/support/records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { type AttemptId, asAttemptId, asBatchId, asRolloutId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import type { PodEvidence } from '../../protocol/pod-evidence.ts';
import type { ClusterStore, WorkItem } from '../cluster-records.ts';
import type { VerificationKind } from '../records.ts';
import { openSqliteClusterStore } from './open.ts';

const BATCH = aBatch().id;
const OTHER = asBatchId('batch-2');
const ATTEMPT = asAttemptId('batch-1/task-0/0#1');
const grading = (verification: VerificationKind, attempt: AttemptId = ATTEMPT): WorkItem => ({
  ...{ kind: 'verification', attempt, verification },
});

let store: ClusterStore;
beforeEach(async () => {
  const folder = await tempDir();
  store = await openSqliteClusterStore({
    ...{ folder: folder.path, holder: 'a test', clock: systemClock },
  });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  await store.planBatch(aBatch(), aPlan(2));
  await store.planBatch(aBatch({ id: OTHER }), aPlan(1, 1, 'batch-2'));
});

/** The attempt of the first rollout, whose pod is pod-1 unless it is told otherwise. */
const attempted = (engine = 'pod:pod-1') =>
  store.openAttempt(asRolloutId('batch-1/task-0/0'), aClaim({ engine }));

const job = (name: string, items: readonly WorkItem[], batch = BATCH) =>
  store.newJob(aJob({ name, batch, shape: aShape({ phase: 'verify' }) }), items);

/** A pod of index `index` of the Job, scheduled in the given second. */
const pod = (podUid: string, jobName: string, second: number, over: Partial<PodEvidence> = {}) =>
  store.putEvidence(
    BATCH,
    someEvidence({
      ...{ podUid, jobName, scheduledAt: `2026-03-01T12:00:${String(second).padStart(2, '0')}Z` },
      ...over,
    }),
  );

const listed = async () =>
  (await store.listPods(ATTEMPT)).map(({ work, evidence }) => [work, evidence.podUid]);

test('names the pod of the attempt, then those that were to grade, as they were scheduled', async () => {
  await attempted();
  await job('first', [grading('asLeft'), grading('main')]);
  const own = await pod('pod-1', 'agents', 30);
  await pod('late', 'first', 20, { index: 1 });
  await pod('early', 'first', 10, { index: 1, phase: 'Pending', containers: [] });
  await pod('as-left', 'first', 15, { index: 0 });
  expect(await listed()).toEqual([
    ['rollout', 'pod-1'],
    ['main', 'early'],
    ['asLeft', 'as-left'],
    ['main', 'late'],
  ]);
  expect((await store.listPods(ATTEMPT))[0]?.evidence).toEqual(own);
});

test('names those of later Jobs too, and none of other attempts', async () => {
  await attempted();
  await job('first', [grading('main')]);
  await store.jobOver(aJob({ name: 'first' }), 'replaced');
  const foreign = asAttemptId('batch-1/task-1/0#1');
  await job('second', [grading('main', foreign), grading('doubled'), grading('main')]);
  await pod('of-first', 'first', 1);
  await pod('not-ours', 'second', 2, { index: 0 });
  await pod('doubled', 'second', 3, { index: 1 });
  await pod('of-second', 'second', 4, { index: 2 });
  expect(await listed()).toEqual([
    ['main', 'of-first'],
    ['doubled', 'doubled'],
    ['main', 'of-second'],
  ]);
});

test('leaves out pods of a Job of the same name that is not ours', async () => {
  await attempted();
  await job('first', [grading('main')]);
  await store.setJobUid(aJob({ name: 'first' }), 'job-uid-1');
  await pod('ours', 'first', 1);
  await pod('theirs', 'first', 2, { jobUid: 'job-uid-9' });
  expect(await listed()).toEqual([['main', 'ours']]);
});

test('keeps to its batch, whose Jobs may have the names of another', async () => {
  await attempted();
  await job('first', [grading('main', asAttemptId('batch-2/task-0/0#1'))], OTHER);
  await job('first', [grading('main')]);
  await pod('ours', 'first', 1);
  await store.putEvidence(OTHER, someEvidence({ podUid: 'pod-1' }));
  await store.putEvidence(OTHER, someEvidence({ podUid: 'theirs', jobName: 'first' }));
  expect(await listed()).toEqual([['main', 'ours']]);
});

test('keeps to the newest hundred that graded', async () => {
  await attempted();
  await job('first', [grading('main')]);
  await pod('pod-1', 'agents', 0);
  for (let at = 0; at < 102; at++) {
    const scheduledAt = new Date(Date.UTC(2026, 2, 1) + at * 1000).toISOString();
    await pod(`grade-${at}`, 'first', 0, { scheduledAt });
  }
  const pods = await listed();
  expect(pods).toHaveLength(101);
  expect(pods.slice(0, 2)).toEqual([
    ['rollout', 'pod-1'],
    ['main', 'grade-2'],
  ]);
  expect(pods.at(-1)).toEqual(['main', 'grade-101']);
});

test('names none where no pod is known, or the attempt ran on one machine', async () => {
  expect(await store.listPods(ATTEMPT)).toEqual([]);
  await attempted('run-pod-1');
  await pod('pod-1', 'agents', 1);
  expect(await store.listPods(ATTEMPT)).toEqual([]);
});
