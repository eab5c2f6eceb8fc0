import { afterEach, beforeEach, expect, it } from 'vitest';
import { aClaimRow, aJob, rolloutItems, someEvidence } from '../../../test/support/cluster-rows.ts';
import { aBatch, aPlan } from '../../../test/support/records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asBatchId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import type { ClusterStore, WorkItem } from '../cluster-records.ts';
import { openSqliteClusterStore } from './open.ts';

const BATCH = aBatch().id;
const JOB = aJob().name;

let folder: Awaited<ReturnType<typeof tempDir>>;
let store: ClusterStore;
beforeEach(async () => {
  folder = await tempDir();
  store = await openSqliteClusterStore({
    ...{ folder: folder.path, holder: 'a test', clock: systemClock },
  });
  await store.planBatch(aBatch(), aPlan(4));
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

it('Jobs of two batches may have the same name', async () => {
  const batch = asBatchId('batch-2');
  await store.planBatch(aBatch({ id: batch }), aPlan(4, 1, 'batch-2'));
  await store.newJob(aJob(), rolloutItems(0));
  const other = aJob({ batch, namespace: 'team-b' });
  const made = await store.newJob(other, rolloutItems(2, 3));
  expect(made).toMatchObject({ name: JOB, batch, namespace: 'team-b', length: 2 });
  expect(await store.newJob(other, rolloutItems(1))).toEqual(made);
  await store.setJobUid(aJob(), 'uid-1');
  await store.setJobUid(other, 'uid-2');
  expect(await store.jobByUid('uid-2')).toMatchObject({ name: JOB, batch });
  expect(await store.jobByName(aJob())).toMatchObject({ uid: 'uid-1', batch: BATCH });
  expect(await store.rowOf(other, 1)).toMatchObject({ job: JOB, item: { position: 3 } });
  await store.settleRow(other, 0);
  await store.jobOver(other, 'lost');
  expect(await store.listJobs(batch)).toMatchObject([{ name: JOB, settled: 1, live: false }]);
  expect(await store.jobByName(aJob())).toMatchObject({ live: true });
  expect(await store.rowsOf(aJob())).toMatchObject([{ settled: false }]);
  const claim = aClaimRow({ batch, podUid: 'pod-2', attempt: undefined });
  expect(await store.putClaim(claim)).toEqual(claim);
  const grading: WorkItem = { kind: 'gate', taskDigest: sha256('task'), gate: 'nop' };
  const names = { name: 'grading' };
  await store.newJob(aJob(names), [grading]);
  await store.newJob(aJob({ ...names, batch }), [grading]);
  await store.putEvidence(batch, someEvidence({ podUid: 'pod-2', jobName: 'grading' }));
  expect(await store.gradingEvidence(batch)).toMatchObject([{ item: grading }]);
  expect(await store.gradingEvidence(BATCH)).toEqual([]);
});
