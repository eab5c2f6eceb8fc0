import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aJob, aShape, rolloutItems } from '../../../test/support/cluster-rows.ts';
import { type TokenFields, TokenMint } from '../../../test/support/cluster-tokens.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { aBatch, aPlan } from '../../../test/support/records.ts';
import { FakePods } from '../../../test/support/sandbox-pods.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { AUDIENCES, type Role } from '../../protocol/pod-contract.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { openSqliteClusterStore } from '../../store/sqlite/open.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { type PodProofDeps, provePod } from './prove-pod.ts';
import { TokenVerifier } from './verify-token.ts';

const JOB = aJob().name;

let folder: string;
let store: ClusterStore;
let clock: ManualClock;
let mint: TokenMint;
let pods: FakePods;
let deps: PodProofDeps;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clawgym-identity-'));
  store = await openSqliteClusterStore({ folder, holder: 'a test', clock: systemClock });
  await store.planBatch(aBatch(), aPlan(3));
  await store.newJob(aJob(), rolloutItems(0, 1));
  await store.setJobUid(aJob(), 'job-uid-1');
  clock = new ManualClock(1_700_000_000_000);
  mint = await TokenMint.create(clock);
  pods = new FakePods();
  pods.put();
  const keys = new ClusterKeys({
    source: mint,
    clock,
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  deps = { tokens: new TokenVerifier(keys, clock), pods, records: store };
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const prove = (token: string, role: Role = 'stage') => provePod(role, `Bearer ${token}`, deps);
const reasonOf = async (proof: Promise<unknown>): Promise<unknown> =>
  await proof.then(
    (answer) => answer,
    (thrown: unknown) => {
      expect(thrown).toHaveProperty('code');
      const { code, details } = thrown as { code: string; details: Record<string, unknown> };
      return `${code} ${String(details['reason'])}`;
    },
  );

describe('the pod behind a token', () => {
  it('is found with its Job, its row and its object', async () => {
    pods.put({ index: '1' });
    expect(await prove(await mint.sign())).toMatchObject({
      namespace: 'team-a',
      name: 'pod-name',
      uid: 'pod-1',
      terminating: false,
      job: { name: JOB, uid: 'job-uid-1' },
      row: { index: 1, item: { kind: 'rollout', position: 1 } },
      object: { kind: 'Pod', status: { phase: 'Running' } },
    });
  });

  it.each<[string, TokenFields, string]>([
    ['audience of the other pod kind', { audience: [AUDIENCES.verify] }, 'WrongAudience'],
    ['audience of the API server', { audience: ['https://kubernetes.default'] }, 'WrongAudience'],
    ['two audiences', { audience: [AUDIENCES.rollout, 'other'] }, 'WrongAudience'],
    ['no audience', { claims: { aud: undefined } }, 'WrongAudience'],
    ['another issuer', { issuer: 'https://other.example' }, 'WrongIssuer'],
    ['a life that is over', { lifeSeconds: -6 }, 'TokenExpired'],
    ['no expiry', { claims: { exp: undefined } }, 'TokenInvalid'],
    ['a life that has not begun', { claims: { nbf: 1_700_000_060 } }, 'TokenNotYetValid'],
    ['claims of no cluster', { claims: { 'kubernetes.io': undefined } }, 'TokenInvalid'],
  ])('is not believed with %s', async (_case, fields, reason) => {
    expect(await reasonOf(prove(await mint.sign(fields)))).toBe(`Unauthorized ${reason}`);
  });

  it.each<[string, TokenFields, string]>([
    ['another service account', { serviceAccount: 'default' }, 'WrongServiceAccount'],
    [
      'a subject of another namespace',
      { subject: 'system:serviceaccount:team-b:clawgym-sandbox' },
      'WrongServiceAccount',
    ],
    ['no pod', { pod: undefined }, 'NotOfAPod'],
    ['a pod that is not there', { pod: { name: 'other', uid: 'pod-1' } }, 'PodGone'],
    ['a pod of another namespace', { namespace: 'team-b' }, 'PodGone'],
    ['a pod whose name another has now', { pod: { name: 'pod-name', uid: 'old' } }, 'PodReplaced'],
  ])('is refused with %s', async (_case, fields, reason) => {
    expect(await reasonOf(prove(await mint.sign(fields)))).toBe(`Forbidden ${reason}`);
  });

  it('is not believed without a real signature of a published key', async () => {
    await mint.addKey('key-2');
    await mint.addKey('rsa', 'PS256');
    const good = await mint.sign();
    const [header, payload, signature] = good.split('.');
    const other = (await mint.sign({ pod: { name: 'pod-name', uid: 'pod-9' } })).split('.')[1];
    const cases: [string, string][] = [
      [await mint.sign({}, 'key-2'), 'Unauthorized UnknownKey'],
      [mint.unsigned(), 'Unauthorized WrongAlgorithm'],
      [await mint.signWithPublicKey(), 'Unauthorized WrongAlgorithm'],
      [await mint.sign({}, 'rsa', 'PS256'), 'Unauthorized WrongAlgorithm'],
      [`${header}.${other}.${signature}`, 'Unauthorized TokenInvalid'],
      [`${header}.${payload}.`, 'Unauthorized TokenInvalid'],
      ['not-a-token', 'Unauthorized TokenInvalid'],
      [`${good} x`, 'Unauthorized TokenMissing'],
      ['x'.repeat(20_000), 'Unauthorized TokenInvalid'],
    ];
    for (const [token, reason] of cases) expect(await reasonOf(prove(token))).toBe(reason);
    expect(await reasonOf(provePod('stage', undefined, deps))).toBe('Unauthorized TokenMissing');
    expect(await reasonOf(prove(good))).toMatchObject({ uid: 'pod-1' });
  });

  it('is believed until its token expires, by the clock that is given', async () => {
    const token = await mint.sign();
    clock.advance(3_600_000);
    expect(await reasonOf(prove(token))).toMatchObject({ uid: 'pod-1' });
    clock.advance(6_000);
    expect(await reasonOf(prove(token))).toBe('Unauthorized TokenExpired');
  });

  it('is refused once it was deleted, though its token is still good', async () => {
    const token = await mint.sign();
    expect(await reasonOf(prove(token))).toMatchObject({ uid: 'pod-1' });
    pods.delete('team-a', 'pod-name');
    expect(await reasonOf(prove(token))).toBe('Forbidden PodGone');
  });

  it('gets no new work while it ends, and still saves what it did', async () => {
    const token = await mint.sign();
    pods.put({ deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(await reasonOf(prove(token))).toBe('Forbidden PodTerminating');
    expect(await prove(token, 'companion')).toMatchObject({ terminating: true });
    pods.put({ phase: 'Failed' });
    expect(await reasonOf(prove(token))).toBe('Forbidden PodEnded');
    expect(await prove(token, 'companion')).toMatchObject({ uid: 'pod-1' });
  });
});

describe('the Job of a pod', () => {
  it.each([
    ['of another controller', { ownerKind: 'ReplicaSet' }, 'NotOfAJob'],
    ['that nobody told us of', { jobName: 'other', jobUid: 'other' }, 'UnknownJob'],
    ['of our name with another uid', { jobUid: 'other' }, 'UnknownJob'],
    ['of a batch that it does not name', { batch: 'batch-2' }, 'ForeignBatch'],
    ['with an index beyond its list', { index: '2' }, 'NoWork'],
    ['with an index that is none', { index: '1e0' }, 'NoWork'],
  ])('%s is refused', async (_case, fields, reason) => {
    pods.put(fields);
    expect(await reasonOf(prove(await mint.sign()))).toBe(`Forbidden ${reason}`);
  });

  it('of another namespace is refused, whatever uid the pod shows', async () => {
    pods.put({ namespace: 'team-b' });
    const token = await mint.sign({ namespace: 'team-b' });
    expect(await reasonOf(prove(token))).toBe('Forbidden ForeignNamespace');
  });

  it('is waited for while only its name is known', async () => {
    await store.newJob(aJob({ name: 'next', generation: 2 }), rolloutItems(2));
    pods.put({ jobName: 'next', jobUid: 'job-uid-2' });
    const token = await mint.sign();
    expect(await prove(token)).toMatchObject({ decision: 'wait', retryAfterSeconds: 1 });
    pods.put({ namespace: 'team-b', jobName: 'next', jobUid: 'job-uid-2' });
    const foreign = prove(await mint.sign({ namespace: 'team-b' }));
    expect(await reasonOf(foreign)).toBe('Forbidden UnknownJob');
    await store.setJobUid(aJob({ name: 'next' }), 'job-uid-2');
    expect(await prove(token)).toMatchObject({ row: { item: { position: 2 } } });
  });

  it('fences its late pods when the next generation may carry their rows', async () => {
    const token = await mint.sign();
    await store.jobOver(aJob(), 'lost');
    for (const role of ['stage', 'companion'] as const) {
      expect(await reasonOf(prove(token, role))).toBe('Fenced JobOver');
    }
  });

  it('of the other phase is refused', async () => {
    const shape = aShape({ phase: 'verify' });
    await store.newJob(aJob({ name: 'v1', shape }), rolloutItems(2));
    await store.setJobUid(aJob({ name: 'v1' }), 'job-uid-v');
    pods.put({ jobName: 'v1', jobUid: 'job-uid-v' });
    expect(await reasonOf(prove(await mint.sign()))).toBe('Forbidden WrongPhase');
    const token = await mint.sign({ audience: [AUDIENCES.verify] });
    expect(await prove(token, 'fetch')).toMatchObject({ job: { name: 'v1' } });
  });
});

describe('the keys of the cluster', () => {
  it('are read again for a new key id, at most once in ten seconds', async () => {
    await prove(await mint.sign());
    await mint.addKey('key-2');
    const token = await mint.sign({}, 'key-2');
    expect(await reasonOf(prove(token))).toBe('Unauthorized UnknownKey');
    mint.published.push('key-2');
    expect(await reasonOf(prove(token))).toBe('Unauthorized UnknownKey');
    expect(mint.asked).toBe(1);
    clock.advance(10_000);
    expect(await reasonOf(prove(token))).toMatchObject({ uid: 'pod-1' });
    expect(mint.asked).toBe(2);
  });

  it('lose a withdrawn key within ten minutes', async () => {
    const token = await mint.sign();
    await prove(token);
    await mint.addKey('key-2');
    mint.published.splice(0, 1, 'key-2');
    clock.advance(600_000);
    expect(await reasonOf(prove(token))).toBe('Unauthorized UnknownKey');
  });

  it('hold while the API server is away, and without any the answer is to try again', async () => {
    const token = await mint.sign();
    mint.fault = new Error('connection refused');
    await expect(prove(token)).rejects.toMatchObject({
      code: 'ClusterUnavailable',
      retryable: true,
      message: expect.stringContaining('connection refused') as unknown,
    });
    mint.fault = undefined;
    await prove(token);
    mint.fault = new Error('connection refused');
    clock.advance(700_000);
    expect(await reasonOf(prove(token))).toMatchObject({ uid: 'pod-1' });
  });
});
