import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aClaimRow, aJob, rolloutItems, someEvidence } from '../../../test/support/cluster-rows.ts';
import {
  aBatch,
  aCall,
  aClaim,
  aDecision,
  aFinish,
  anEnd,
  aPlan,
  aVerification,
} from '../../../test/support/records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asAttemptId, asBatchId, type BatchId, type Sha256 } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import type { ClusterStore } from '../cluster-records.ts';
import type { DigestCursor } from '../retention-records.ts';
import { openSqliteClusterStore } from './open.ts';

const ONE = asBatchId('one');
const TWO = asBatchId('two');
const ROLLOUTS = 3;

let folder: Awaited<ReturnType<typeof tempDir>>;
let store: ClusterStore;
beforeEach(async () => {
  folder = await tempDir();
  store = await openSqliteClusterStore({
    folder: folder.path,
    holder: 'a test',
    clock: systemClock,
  });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A batch with a row in every table. */
async function fill(id: BatchId): Promise<void> {
  const plan = aPlan(ROLLOUTS, 1, id);
  await store.planBatch(aBatch({ id, taskSet: sha256(`tasks of ${id}`) }), plan);
  const job = aJob({ batch: id, name: `job-${id}` });
  await store.newJob(job, rolloutItems(0, 1, 2));
  for (const [index, { id: rollout }] of plan.entries()) {
    const attempt = asAttemptId(`${rollout}#1`);
    const podUid = `pod-${attempt}`;
    const callId = `call-${attempt}`;
    await store.openAttempt(rollout, aClaim({ engine: `pod:${podUid}` }));
    await store.openCall(aCall(rollout, { callId, request: sha256(`request of ${id}`) }));
    await store.finishCall(callId, aFinish({ response: sha256(`response of ${id}`) }));
    await store.putClaim(
      aClaimRow({
        ...{ podUid, batch: id, job: job.name, index, attempt },
        credentialHash: sha256(podUid),
        linkBearerHash: undefined,
        reads: [sha256(`input of ${id}`)],
      }),
    );
    await store.putEvidence(id, someEvidence({ podUid, jobName: job.name }));
    await store.putFetched(podUid, { findings: [], graderRoot: undefined });
    await store.putPodReport(podUid, JSON.stringify({ snapshot: sha256(`report of ${id}`) }));
    await store.addUpload({ batch: id, podUid }, sha256(`stdout of ${id}`));
    await store.putModelLoss(attempt, 'gone');
    await store.endAttempt(attempt, 'nonce-1', anEnd({ stdout: sha256(`stdout of ${id}`) }));
    await store.addVerification(aVerification(rollout));
    await store.decideRollout(rollout, aDecision(rollout));
  }
  await store.setBatchNote(id, 'results', sha256(`results of ${id}`));
  await store.pinArtifact(id, sha256(`bench of ${id}`));
  await store.setAbsence(id, 5);
}

async function named(): Promise<ReadonlySet<Sha256>> {
  const all = new Set<Sha256>();
  let from: DigestCursor | undefined;
  do {
    const { digests, next } = await store.namedDigests(from);
    for (const digest of digests) all.add(digest);
    from = next;
  } while (from !== undefined);
  return all;
}

const NAMED = ['tasks', 'request', 'response', 'input', 'report', 'stdout', 'results', 'bench'];
const digestsOf = (id: BatchId) => NAMED.map((what) => sha256(`${what} of ${id}`));

/** Rows of every table, read beside the store. */
function counts(): Record<string, number> {
  const db = new DatabaseSync(join(folder.path, 'records.sqlite'), { readOnly: true });
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    .all()
    .map((row) => String(row['name']));
  const found: Record<string, number> = {};
  for (const table of tables) {
    found[table] = Number(db.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows']);
  }
  db.close();
  return found;
}

it.each([1, 7, 10_000])('removes a batch from every table, %d rows at a time', async (most) => {
  await fill(TWO);
  const before = counts();
  await fill(ONE);
  let removed = 0;
  for (let gone = false; !gone; ) {
    const some = await store.removeRows(ONE, most);
    expect(some.removed).toBeLessThanOrEqual(most);
    ({ gone } = some);
    removed += some.removed;
  }
  expect(removed).toBeGreaterThan(ROLLOUTS * 8);
  expect(counts()).toEqual(before);
  expect(await store.getBatch(ONE)).toBeUndefined();
  expect(await store.removeRows(ONE, most)).toEqual({ removed: 0, gone: true });
});

it('has a row in every table that a run fills, so that none is forgotten here', async () => {
  await fill(ONE);
  const empty = Object.entries(counts())
    .filter(([, rows]) => rows === 0)
    .map(([table]) => table);
  // Rows of a synthesis or a training belong to that and to no batch.
  const training = ['training_runs', 'training_uploads'];
  const synthesis = [
    ...['synthesis_calls', 'synthesis_gates', 'synthesis_jobs', 'synthesis_records'],
    ...['synthesis_rounds', 'synthesis_runs'],
  ];
  const others = ['gate_runs', 'namespace_gate_runs', 'object_names', 'objects'];
  const reinforcement = ['rl_batches', 'rl_policies', 'rl_runs', 'rl_steps'];
  expect(empty.toSorted()).toEqual([...others, ...reinforcement, ...synthesis, ...training]);
});

it('names every artifact of every row, and none of a batch that is gone', async () => {
  await fill(ONE);
  await fill(TWO);
  const all = await named();
  for (const digest of [...digestsOf(ONE), ...digestsOf(TWO)]) expect(all).toContain(digest);
  await store.removeRows(ONE, 10_000);
  const left = await named();
  for (const digest of digestsOf(ONE)) expect(left).not.toContain(digest);
  for (const digest of digestsOf(TWO)) expect(left).toContain(digest);
});

it('names all of a table that has more rows than a page', async () => {
  await store.planBatch(aBatch({ id: ONE }), aPlan(1, 1, ONE));
  const pins = Array.from({ length: 2500 }, (_, index) => sha256(`pin ${index}`));
  await Promise.all(pins.map((digest) => store.pinArtifact(ONE, digest)));
  const all = await named();
  expect(pins.filter((digest) => !all.has(digest))).toEqual([]);
});

it('finds the batches of a task set, of results, of a bench, and of exports and their files', async () => {
  await fill(ONE);
  await fill(TWO);
  const [manifest, file] = [sha256('manifest'), sha256('file')];
  const made = [{ name: 'sft', digest: manifest, files: { 'train.jsonl': file } }];
  await store.setBatchNote(ONE, 'exports', JSON.stringify(made));
  await store.setBatchNote(TWO, 'cancelled', `not ${manifest}`);
  const ofOne = ['tasks', 'results', 'bench'].map((what) => sha256(`${what} of ${ONE}`));
  for (const digest of [...ofOne, manifest, file])
    expect(await store.batchesOf(digest)).toEqual([ONE]);
  expect(await store.batchesOf(sha256('another'))).toEqual([]);
});

it('keeps the first time of an absence until an object names the batch again', async () => {
  await store.planBatch(aBatch({ id: ONE }), aPlan(1, 1, ONE));
  await store.setAbsence(ONE, 5);
  await store.setAbsence(ONE, 9);
  expect(await store.absences()).toEqual(new Map([[ONE, 5]]));
  await store.setAbsence(ONE, undefined);
  expect(await store.absences()).toEqual(new Map());
});

it('keeps which artifacts objects name, and since when none does', async () => {
  const [named, lost] = [sha256('named'), sha256('lost')];
  await store.setObjectNames(
    new Map([
      [named, undefined],
      [lost, 5],
    ]),
  );
  expect(await store.objectNames()).toEqual(
    new Map([
      [named, undefined],
      [lost, 5],
    ]),
  );
  await store.setObjectNames(
    new Map<Sha256, 'forgotten' | undefined>([
      [named, 'forgotten'],
      [lost, undefined],
    ]),
  );
  expect(await store.objectNames()).toEqual(new Map([[lost, undefined]]));
});
