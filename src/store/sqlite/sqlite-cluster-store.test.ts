import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  aClaimRow,
  aJob,
  aShape,
  rolloutItems,
  someEvidence,
} from '../../../test/support/cluster-rows.ts';
import { aBatch, aClaim, anEnd, aPlan, aVerification } from '../../../test/support/records.ts';
import { asAttemptId, asBatchId, asRolloutId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import type { ClusterStore, WorkItem } from '../cluster-records.ts';
import { migrate } from './migrations.ts';
import { openSqliteClusterStore } from './open.ts';
import { SCHEMA_STEPS } from './schema.ts';

const BATCH = aBatch().id;
const ROLLOUT = asRolloutId('batch-1/task-0/0');
const ATTEMPT = asAttemptId(`${ROLLOUT}#1`);
const JOB = aJob().name;

let folder: string;
let store: ClusterStore;
const open = (): Promise<ClusterStore> =>
  openSqliteClusterStore({ folder, holder: 'a test', clock: systemClock });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clawgym-cluster-records-'));
  store = await open();
  await store.planBatch(aBatch(), aPlan(4));
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('jobs and their rows', () => {
  it('keep the list of a Job over a restart and answer the same name with the same rows', async () => {
    const made = await store.newJob(aJob(), rolloutItems(2, 0));
    expect(made).toEqual({
      ...aJob(),
      uid: undefined,
      live: true,
      cause: undefined,
      length: 2,
      settled: 0,
    });
    await store[Symbol.asyncDispose]();
    store = await open();
    const other = aJob({ generation: 9, shape: aShape({ id: 'other' }) });
    expect(await store.newJob(other, rolloutItems(1, 3, 2))).toEqual(made);
    expect(await store.rowsOf(aJob())).toEqual([
      { job: JOB, index: 0, item: { kind: 'rollout', position: 2 }, settled: false },
      { job: JOB, index: 1, item: { kind: 'rollout', position: 0 }, settled: false },
    ]);
    expect(await store.rowOf(aJob(), 2)).toBeUndefined();
  });

  it('let no two live Jobs carry one item, and free it when the first is over', async () => {
    await store.newJob(aJob(), rolloutItems(0, 1));
    const second = aJob({ name: 'second', generation: 2 });
    await expect(store.newJob(second, rolloutItems(2, 1))).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining(JOB) as unknown,
    });
    expect(await store.jobByName(aJob({ name: 'second' }))).toBeUndefined();
    await store.settleRow(aJob(), 0);
    await store.jobOver(aJob(), 'paused');
    await store.jobOver(aJob(), 'lost');
    const over = { live: false, cause: 'paused' };
    expect(await store.jobByName(aJob())).toMatchObject(over);
    expect(await store.listJobs(BATCH)).toMatchObject([{ ...over, length: 2, settled: 1 }]);
    await store.newJob(second, rolloutItems(2, 1));
    expect(await store.listJobs(BATCH, { live: true })).toMatchObject([{ name: 'second' }]);
    expect(await store.listJobs(BATCH, { live: false })).toMatchObject([{ name: JOB }]);
    expect((await store.listJobs(BATCH)).map((job) => job.name)).toEqual([JOB, 'second']);
  });

  it.each([
    ['no items', []],
    ['an item twice', rolloutItems(1, 1)],
  ])('refuse %s', async (_case, items) => {
    await expect(store.newJob(aJob(), items)).rejects.toMatchObject({ code: 'InvalidInput' });
    expect(await store.listJobs(BATCH)).toEqual([]);
  });

  it('never give a uid to two', async () => {
    await store.newJob(aJob(), rolloutItems(0));
    await store.newJob(aJob({ name: 'second' }), rolloutItems(1));
    await store.setJobUid(aJob(), 'uid-1');
    await store.setJobUid(aJob(), 'uid-1');
    for (const [name, uid] of [
      [JOB, 'uid-2'],
      ['second', 'uid-1'],
    ] as const) {
      await expect(store.setJobUid(aJob({ name }), uid)).rejects.toMatchObject({
        code: 'Conflict',
      });
    }
    await expect(store.setJobUid(aJob({ name: 'nobody' }), 'u')).rejects.toMatchObject({
      code: 'NotFound',
    });
    expect(await store.jobByUid('uid-1')).toMatchObject({ name: JOB });
    expect(await store.jobByUid('uid-2')).toBeUndefined();
  });

  it('settle by item whatever kind it is, only in the Job that is live', async () => {
    const items: WorkItem[] = [
      { kind: 'rollout', position: 1 },
      { kind: 'verification', attempt: ATTEMPT, verification: 'asLeft' },
      { kind: 'gate', taskDigest: sha256('task'), gate: 'lazy' },
    ];
    await store.newJob(aJob(), items);
    expect(await store.carriedItems(BATCH)).toEqual(items);
    for (const item of items) {
      await store.settleItem(BATCH, { ...item });
      await store.settleItem(BATCH, item);
    }
    await store.settleItem(BATCH, { kind: 'rollout', position: 3 });
    expect(await store.carriedItems(BATCH)).toEqual([]);
    expect(await store.listJobs(BATCH)).toMatchObject([{ length: 3, settled: 3 }]);
  });

  it('carry every item at most once, whatever is made, settled and over in which order', async () => {
    const step = fc.oneof(
      fc.record({ make: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }) }),
      fc.record({ settle: fc.nat(3) }),
      fc.record({ over: fc.nat(5) }),
    );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        runs += 1;
        const batch = asBatchId(`property-${runs}`);
        await store.planBatch(aBatch({ id: batch }), aPlan(4, 1, batch));
        const carried = new Map<number, string>();
        for (const [at, doing] of steps.entries()) {
          const name = `${batch}-${at}`;
          if ('make' in doing) {
            const free = doing.make.every((position) => !carried.has(position));
            const made = store.newJob(aJob({ name, batch }), rolloutItems(...doing.make));
            await (free ? made : expect(made).rejects.toMatchObject({ code: 'Conflict' }));
            if (free) for (const position of doing.make) carried.set(position, name);
          } else if ('settle' in doing) {
            await store.settleItem(batch, { kind: 'rollout', position: doing.settle });
            carried.delete(doing.settle);
          } else if (
            (await store.jobByName({ batch, name: `${batch}-${doing.over}` })) !== undefined
          ) {
            await store.jobOver({ batch, name: `${batch}-${doing.over}` }, 'lost');
            for (const [position, job] of carried) {
              if (job === `${batch}-${doing.over}`) carried.delete(position);
            }
          }
          const open = (await store.carriedItems(batch)).map((item) =>
            item.kind === 'rollout' ? item.position : -1,
          );
          expect(new Set(open)).toEqual(new Set(carried.keys()));
          expect(open).toHaveLength(carried.size);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('evidence and findings of pods', () => {
  it('follow a pod until it is gone and not beyond', async () => {
    await store.putEvidence(BATCH, someEvidence({ phase: 'Running', containers: [] }));
    await store.putEvidence(BATCH, someEvidence({ reason: 'Evicted' }));
    expect(await store.getEvidence('pod-1')).toEqual(someEvidence({ reason: 'Evicted' }));
    const gone = someEvidence({ gone: true });
    expect(await store.putEvidence(BATCH, gone)).toEqual(gone);
    expect(await store.putEvidence(BATCH, someEvidence())).toEqual(gone);
    expect(await store.getEvidence('pod-2')).toBeUndefined();
  });

  it('take fuller words on a pod of which only its absence was seen, until it is judged', async () => {
    const running = { name: 'agent', state: 'running' } as const;
    const bare = someEvidence({ phase: 'Running', containers: [running], gone: true });
    const full = someEvidence({ reason: 'Evicted' });
    await store.putEvidence(BATCH, bare);
    expect(await store.putEvidence(BATCH, full)).toEqual({ ...full, gone: true });
    expect(await store.putEvidence(BATCH, bare)).toEqual({ ...full, gone: true });

    const second = { ...bare, podUid: 'pod-2' };
    await store.putEvidence(BATCH, second);
    const ours = { ...second, deletedByUs: 'paused' } as const;
    expect(await store.putEvidence(BATCH, ours)).toEqual(ours);

    const third = { ...bare, podUid: 'pod-3' };
    await store.putEvidence(BATCH, third);
    const attempt = await store.openAttempt(ROLLOUT, aClaim({ engine: 'pod:pod-3' }));
    await store.closeAttempt(attempt.id, {
      class: 'disruption',
      reason: 'PodDeleted',
      closedAt: 9,
    });
    expect(await store.putEvidence(BATCH, { ...full, podUid: 'pod-3' })).toEqual(third);
  });

  it('tell no findings from none yet, and keep the first list', async () => {
    expect(await store.getFetched('pod-1')).toBeUndefined();
    const first = { findings: [], graderRoot: sha256('tools') };
    await store.putFetched('pod-1', first);
    await store.putFetched('pod-1', {
      findings: [{ code: 'EntrySkipped', message: 'late' }],
      graderRoot: undefined,
    });
    expect(await store.getFetched('pod-1')).toEqual(first);
    await store.putFetched('pod-2', { findings: [], graderRoot: undefined });
    expect(await store.getFetched('pod-2')).toEqual({ findings: [], graderRoot: undefined });
  });

  it('keep the first report of a pod', async () => {
    expect(await store.getPodReport('pod-1')).toBeUndefined();
    await store.putPodReport('pod-1', 'first');
    await store.putPodReport('pod-1', 'second');
    expect(await store.getPodReport('pod-1')).toBe('first');
  });
});

describe('claims', () => {
  beforeEach(async () => {
    await store.newJob(aJob(), rolloutItems(0));
    await store.openAttempt(ROLLOUT, aClaim({ engine: 'pod:pod-1' }));
  });

  it('are found by credential and by link, and replaced by the next of the pod and role', async () => {
    const first = await store.putClaim(aClaimRow());
    expect(await store.claimByCredential(sha256('credential'))).toEqual(first);
    expect(await store.claimByLink(sha256('link'))).toEqual(first);
    const renewed = aClaimRow({
      credentialHash: sha256('credential 2'),
      linkBearerHash: sha256('link 2'),
      createdAt: 9_000,
    });
    expect(await store.putClaim(renewed)).toEqual({ ...renewed, createdAt: first.createdAt });
    await store.putClaim(
      aClaimRow({ role: 'stage', credentialHash: sha256('of stage'), linkBearerHash: undefined }),
    );
    expect(await store.claimByCredential(sha256('credential'))).toBeUndefined();
    expect(await store.claimByLink(sha256('link'))).toBeUndefined();
    expect(await store.claimOf('pod-1', 'stage')).toMatchObject({
      credentialHash: sha256('of stage'),
    });
    expect(await store.claimOf('pod-2', 'stage')).toBeUndefined();
  });

  it('lose their link when the attempt ends, and keep their credential', async () => {
    await store.putClaim(aClaimRow());
    await store.revokeLinks(ATTEMPT);
    await store.revokeLinks(ATTEMPT);
    expect(await store.getModelLoss(ATTEMPT)).toBeUndefined();
    await store.putModelLoss(ATTEMPT, 'the endpoint was away');
    await store.putModelLoss(ATTEMPT, 'later');
    expect(await store.getModelLoss(ATTEMPT)).toBe('the endpoint was away');
    expect(await store.claimByLink(sha256('link'))).toBeUndefined();
    expect(await store.claimByCredential(sha256('credential'))).toEqual(
      aClaimRow({ linkBearerHash: undefined }),
    );
  });
});

describe('attempts of pods', () => {
  it('are found by pod, renewed while they run, and fenced afterwards', async () => {
    await store.openAttempt(ROLLOUT, aClaim({ engine: 'pod:pod-1' }));
    expect(await store.attemptOfPod('pod-1')).toMatchObject({ id: ATTEMPT, nonce: 'nonce-1' });
    expect(await store.attemptOfPod('pod-2')).toBeUndefined();
    expect(await store.renewAttempt(ATTEMPT, 'nonce-2')).toMatchObject({ nonce: 'nonce-2' });
    await expect(store.endAttempt(ATTEMPT, 'nonce-1', anEnd())).rejects.toMatchObject({
      code: 'Fenced',
    });
    await store.endAttempt(ATTEMPT, 'nonce-2', anEnd());
    await expect(store.renewAttempt(ATTEMPT, 'nonce-3')).rejects.toMatchObject({ code: 'Fenced' });
  });

  it('are counted and listed with their verifications, all or those that matter still', async () => {
    const second = asRolloutId('batch-1/task-1/0');
    await store.openAttempt(second, aClaim());
    await store.openAttempt(ROLLOUT, aClaim());
    await store.closeAttempt(ATTEMPT, { class: 'disruption', reason: 'Evicted', closedAt: 1 });
    await store.openAttempt(ROLLOUT, aClaim());
    await store.endAttempt(asAttemptId(`${ROLLOUT}#2`), 'nonce-1', anEnd());
    await store.addVerification(aVerification(ROLLOUT, { attempt: asAttemptId(`${ROLLOUT}#2`) }));
    expect(await store.countAttempts(BATCH)).toEqual({
      attempts: 3,
      running: 1,
      classes: { disruption: 1 },
    });
    const ids = async (undecided: boolean) => ({
      attempts: (await store.attemptsOfBatch(BATCH, { undecided })).map((row) => row.id),
      verified: (await store.verificationsOfBatch(BATCH, { undecided })).map((row) => row.attempt),
    });
    const all = {
      attempts: [`${ROLLOUT}#1`, `${ROLLOUT}#2`, `${second}#1`],
      verified: [`${ROLLOUT}#2`],
    };
    expect(await ids(true)).toEqual(all);
    await store.decideRollout(ROLLOUT, {
      outcome: 'infra_error',
      reason: '',
      attempt: undefined,
      score: { flat: null, native: null, rubric: null, final: null },
      asLeft: undefined,
      checks: [],
      findings: [],
      decidedAt: 1,
    });
    expect(await ids(true)).toEqual({ attempts: [`${second}#1`], verified: [] });
    expect(await ids(false)).toEqual(all);
  });
});

describe('gates and notes', () => {
  it('keep the first run of a gate, also one without names', async () => {
    const taskDigest = sha256('task');
    const namespace = 'team-a';
    const nop = { namespace, taskDigest, gate: 'nop', status: 'ok', names: ['b', 'a'] } as const;
    const lazy = { namespace, taskDigest, gate: 'lazy', status: 'timeout', names: null } as const;
    await store.addGateRun(nop);
    await store.addGateRun(lazy);
    expect(await store.addGateRun({ ...nop, status: 'crash', names: null })).toEqual(nop);
    expect(await store.listGateRuns(namespace, taskDigest)).toEqual([lazy, nop]);
  });

  it('say nothing about the same task in another namespace', async () => {
    const row = { taskDigest: sha256('task'), gate: 'nop', status: 'ok' } as const;
    const forged = { ...row, namespace: 'team-b', names: ['forged'] };
    const real = { ...row, namespace: 'team-a', names: ['real'] };
    await store.addGateRun(forged);
    expect(await store.listGateRuns('team-a', row.taskDigest)).toEqual([]);
    expect(await store.addGateRun(real)).toEqual(real);
    expect(await store.listGateRuns('team-b', row.taskDigest)).toEqual([forged]);
  });

  it('keep the last value of a note', async () => {
    expect(await store.batchNotes(BATCH)).toEqual({});
    await store.setBatchNote(BATCH, 'results', 'x');
    await store.setBatchNote(BATCH, 'results', 'y');
    await store.setBatchNote(BATCH, 'cancelled', 'deadline');
    expect(await store.batchNotes(BATCH)).toEqual({ results: 'y', cancelled: 'deadline' });
  });
});

it('a store of the version before gets the tables and keeps its rows', async () => {
  const older = join(folder, 'older.sqlite');
  const db = new DatabaseSync(older);
  try {
    migrate(db, older, 1, SCHEMA_STEPS.slice(0, 2));
    db.exec("INSERT INTO batches VALUES (1, 'b', 'k', 'n', 'a', 't', 's', '{}', 5)");
    migrate(db, older, 2);
    expect(db.prepare('SELECT id FROM batches').all()).toEqual([{ id: 'b' }]);
    expect(db.prepare('SELECT * FROM claims').all()).toEqual([]);
  } finally {
    db.close();
  }
});
