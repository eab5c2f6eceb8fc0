import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aClaimRow, aJob, rolloutItems } from '../../test/support/cluster-rows.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { aBatch, aClaim, aPlan } from '../../test/support/records.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { asAttemptId, asRolloutId } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError } from '../base/error.ts';
import { silentLogger } from '../base/logger.ts';
import type { ClusterStore } from '../store/cluster-records.ts';
import { openSqliteClusterStore } from '../store/sqlite/open.ts';
import { type SessionPlan, StoredSessions } from './stored-sessions.ts';

const ROLLOUT = asRolloutId('batch-1/task-0/0');
const ATTEMPT = asAttemptId(`${ROLLOUT}#1`);
const LINK = sha256('link');

let stack: AsyncDisposableStack;
let store: ClusterStore;
let clock: ManualClock;
let plan: () => Promise<SessionPlan>;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  clock = new ManualClock();
  store = stack.use(await openSqliteClusterStore({ folder: dir.path, holder: 'test', clock }));
  await store.planBatch(aBatch(), aPlan(1));
  await store.newJob(aJob(), rolloutItems(0));
  await store.openAttempt(ROLLOUT, aClaim({ engine: 'pod:pod-1' }));
  await store.putClaim(aClaimRow({ createdAt: clock.now() }));
  const upstream = { name: 'none', chat: () => Promise.reject(new Error('not asked')) };
  const budgets = { turns: 10, totalTokens: 100, seconds: 60 };
  plan = () => Promise.resolve({ upstream, model: 'scripted', budgets });
});
afterEach(() => stack.disposeAsync());

/** As after a start of the process. */
const open = () =>
  new StoredSessions({ records: store, plan: () => plan(), clock, logger: silentLogger });

async function found(sessions: StoredSessions) {
  const session = await sessions.find(LINK);
  if (session === undefined) throw new Error('no session');
  return session;
}

describe('a session that is stored', () => {
  it('counts its seconds from the first claim, whatever happens between', async () => {
    clock.advance(40_000);
    await store.putClaim(aClaimRow({ createdAt: clock.now() }));
    const session = await found(open());
    expect(session.remainingMs(clock.monotonic())).toBe(20_000);
    clock.advance(20_000);
    const later = await found(open());
    expect(later.overBudget(1, clock.monotonic())).toMatchObject({ budget: 'seconds' });
  });

  it('is one for all calls of its attempt, also by the next bearer', async () => {
    const sessions = open();
    const [one, two] = await Promise.all([found(sessions), found(sessions)]);
    expect(two).toBe(one);
    await store.putClaim(aClaimRow({ linkBearerHash: sha256('next') }));
    expect(await sessions.find(LINK)).toBeUndefined();
    expect(await sessions.find(sha256('next'))).toBe(one);
  });

  it('asks for its plan again after that could not be read', async () => {
    const good = plan;
    plan = () => Promise.reject(new ClawError('ClusterUnavailable', 'away', { retryable: true }));
    const sessions = open();
    await expect(sessions.find(LINK)).rejects.toMatchObject({ code: 'ClusterUnavailable' });
    plan = good;
    expect(await found(sessions)).toMatchObject({ model: 'scripted' });
  });

  it('keeps why its endpoint failed, for itself and for who asks later', async () => {
    (await found(open())).failUpstream('no credit');
    await expect.poll(() => store.getModelLoss(ATTEMPT)).toBe('no credit');
    expect((await found(open())).upstreamFailed).toBe('no credit');
  });

  it('blames the endpoint for a deadline that passed while a call waited for it', async () => {
    const sessions = open();
    const session = await found(sessions);
    const since = clock.monotonic();
    clock.advance(30_000);
    const until = clock.monotonic();
    session.outages.failed('call-1', { since, failedAt: since + 1, until, reason: '503' });
    await sessions.end(ATTEMPT, 30);
    expect(await store.getModelLoss(ATTEMPT)).toContain('had failed for 30 s: 503');
    expect(await sessions.find(LINK)).toBeUndefined();
  });

  it('blames nobody for an agent that ended by itself then', async () => {
    const sessions = open();
    const session = await found(sessions);
    const now = clock.monotonic();
    session.outages.failed('call-1', { since: now, failedAt: now, until: now, reason: '503' });
    await sessions.end(ATTEMPT);
    expect(await store.getModelLoss(ATTEMPT)).toBeUndefined();
  });
});
