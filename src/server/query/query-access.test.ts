import Fastify from 'fastify';
import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { someEvidence } from '../../../test/support/cluster-rows.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { aBatch, aCall, aClaim, aFinish, anEnd, aPlan } from '../../../test/support/records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asBatchId, type BatchId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { QUERY_PREFIX } from '../../protocol/query-api.ts';
import { openSqliteClusterStore } from '../../store/sqlite/open.ts';
import { AccessReviews } from '../identity/access-reviews.ts';
import { QueryClient } from './query-client.ts';
import { queryPlugin } from './query-plugin.ts';

const OURS = asBatchId('ours');
const THEIRS = asBatchId('theirs');

/** Batches of two namespaces; Ada may read the first. */
async function served({ reviewed = true } = {}) {
  const folder = await tempDir();
  const options = { folder: folder.path, holder: 'test', clock: systemClock };
  const store = await openSqliteClusterStore(options);
  const artifacts = new MemoryArtifacts();
  const fill = async (id: BatchId, namespace: string) => {
    const keep = async (what: string) => (await artifacts.put(Buffer.from(`${what} ${id}`))).digest;
    const taskSet = await keep('tasks of');
    await store.planBatch(
      aBatch({ id, taskSet, spec: JSON.stringify({ namespace }) }),
      aPlan(1, 1, id),
    );
    const rollout = aPlan(1, 1, id)[0]?.id ?? expect.unreachable();
    const attempt = await store.openAttempt(rollout, aClaim({ engine: `pod:pod-${id}` }));
    await store.putEvidence(id, someEvidence({ podUid: `pod-${id}` }));
    const request = await keep('request of');
    await store.openCall(aCall(rollout, { callId: `call-${id}`, request }));
    const [response, tokens] = [await keep('response of'), await keep('tokens of')];
    await store.finishCall(`call-${id}`, aFinish({ response, tokens }));
    const exported = await keep('export of');
    const made = [{ name: 'sft', digest: exported, files: {} }];
    await store.setBatchNote(id, 'exports', JSON.stringify(made));
    const snapshot = await keep('snapshot of');
    const run = { namespace, name: 'tasks', steering: '{}' };
    const job = { id: `job-${id}`, specDigest: taskSet, spec: '{}', createdAt: 1 };
    await store.synthesisRuns.planSynthesisRun(job, run);
    await store.addSynthesisRecord({
      ...{ job: job.id, number: 1, revision: 0, stage: 'draft', data: '{}', endedAt: undefined },
    });
    const asked = await keep('prompt of');
    await store.addSynthesisCall({
      ...{ callId: `made-${id}`, job: job.id, number: 1, stage: 'draft', role: 'generator' },
      ...{ model: 'm', request: asked, response, status: 200, inputTokens: 1, outputTokens: 2 },
      ...{ startedAt: 1, endedAt: 2 },
    });
    await store.endAttempt(attempt.id, 'nonce-1', anEnd({ snapshot }));
    return {
      ...{ rollout, attempt: attempt.id, snapshot, request, response, tokens },
      ...{ taskSet, exported, asked },
    };
  };
  const ours = await fill(OURS, 'team-a');
  const theirs = await fill(THEIRS, 'team-b');
  const adas = new Set(['ada', 'ada-next']);
  const rights = new Set(['team-a']);
  const clock = new ManualClock();
  const source = {
    whois: async (token: string) =>
      adas.has(token) ? { username: 'ada', uid: '', groups: [], extra: {} } : undefined,
    mayRead: async (_person: unknown, namespace: string) => rights.has(namespace),
  };
  const app = Fastify();
  await app.register(queryPlugin, {
    ...{
      prefix: QUERY_PREFIX,
      store,
      models: store,
      synthesis: store,
      artifacts,
      logger: silentLogger,
      token: () => 'all',
    },
    batchesOf: (digest) => store.batchesOf(digest),
    ...(reviewed && { reviews: new AccessReviews(source, clock) }),
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const dispatcher = new Agent();
  const { signal } = new AbortController();
  onTestFinished(async () => {
    await dispatcher.close();
    await app.close();
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  return {
    as: (token: string) => new QueryClient({ url, dispatcher, token, signal }),
    ...{ ours, theirs, rights, clock },
  };
}

const text = async (read: Promise<Uint8Array>): Promise<string> =>
  Buffer.from(await read).toString();

test('a person reads the batches of their namespaces, and what is in them', async () => {
  const { as, ours } = await served();
  const ada = as('ada');
  expect((await ada.listBatches()).map(({ id }) => id)).toEqual([OURS]);
  expect(await ada.getBatch(OURS)).toMatchObject({ id: OURS });
  expect(await ada.listRollouts(OURS)).toHaveLength(1);
  expect(await ada.countOutcomes(OURS)).toMatchObject({ planned: 1 });
  expect(await ada.listAttempts(ours.rollout)).toMatchObject([{ nonce: '(hidden)' }]);
  expect(await ada.getRollout(ours.rollout)).toBeDefined();
  expect(await ada.getAttempt(ours.attempt)).toBeDefined();
  expect(await ada.listVerifications(ours.attempt)).toEqual([]);
  expect(await ada.listPods(ours.attempt)).toMatchObject([{ evidence: { podUid: `pod-${OURS}` } }]);
  expect(await ada.listCalls(ours.attempt)).toHaveLength(1);
  expect(await ada.getCall(`call-${OURS}`)).toBeDefined();
  expect(await ada.getSynthesisCall(`made-${OURS}`)).toMatchObject({ request: ours.asked });
  expect(await text(ada.read(ours.asked))).toBe(`prompt of ${OURS}`);
  expect(await ada.getSynthesisCall('made-up')).toBeUndefined();
});

test('a person reads nothing of other namespaces, by no route', async () => {
  const { as, theirs } = await served();
  const ada = as('ada');
  const tries: readonly (() => Promise<unknown>)[] = [
    () => ada.getBatch(THEIRS),
    () => ada.countOutcomes(THEIRS),
    () => ada.listRollouts(THEIRS),
    () => ada.getRollout(theirs.rollout),
    () => ada.listAttempts(theirs.rollout),
    () => ada.getAttempt(theirs.attempt),
    () => ada.listVerifications(theirs.attempt),
    () => ada.listPods(theirs.attempt),
    () => ada.listCalls(theirs.attempt),
    () => ada.getCall(`call-${THEIRS}`),
    () => ada.read(theirs.snapshot),
    () => ada.read(theirs.request),
    () => ada.read(theirs.tokens),
    () => ada.read(theirs.taskSet),
    () => ada.read(theirs.exported),
    () => ada.getSynthesisCall(`made-${THEIRS}`),
    () => ada.read(theirs.asked),
  ];
  for (const attempt of tries) {
    await expect(attempt()).rejects.toMatchObject({
      code: 'Forbidden',
      message: expect.stringContaining('ada may not read') as unknown,
    });
  }
});

test('artifacts are read once a row has named them, task sets and exports by their batch', async () => {
  const { as, ours } = await served();
  const ada = as('ada');
  expect(await text(ada.read(ours.taskSet))).toBe('tasks of ours');
  expect(await text(ada.read(ours.exported))).toBe('export of ours');
  await expect(ada.read(ours.snapshot)).rejects.toThrow('read the row that names it first');
  await ada.listAttempts(ours.rollout);
  await ada.listCalls(ours.attempt);
  expect(await text(ada.read(ours.snapshot))).toBe('snapshot of ours');
  expect(await text(ada.read(ours.request))).toBe('request of ours');
  expect(await text(ada.read(ours.response))).toBe('response of ours');
  expect(await text(ada.read(ours.tokens))).toBe('tokens of ours');
});

test('what a person was handed stays theirs with their next token', async () => {
  const { as, ours } = await served();
  await as('ada').listAttempts(ours.rollout);
  expect(await text(as('ada-next').read(ours.snapshot))).toBe('snapshot of ours');
});

test('a right that is taken away ends what was handed out, within a minute, whatever the token', async () => {
  const { as, ours, rights, clock } = await served();
  await as('ada').listAttempts(ours.rollout);
  rights.delete('team-a');
  clock.advance(60_001);
  for (const token of ['ada', 'ada-next']) {
    await expect(as(token).read(ours.snapshot)).rejects.toMatchObject({ code: 'Forbidden' });
  }
  rights.add('team-a');
  clock.advance(60_001);
  expect(await text(as('ada').read(ours.snapshot))).toBe('snapshot of ours');
});

test('the bearer of the Secret reads all; a stranger, and any person without reviews, nothing', async () => {
  const { as, theirs } = await served();
  expect(await as('all').listBatches()).toHaveLength(2);
  expect(await text(as('all').read(theirs.snapshot))).toBe('snapshot of theirs');
  await expect(as('eve').listBatches()).rejects.toMatchObject({ code: 'Unauthorized' });
  const simple = await served({ reviewed: false });
  await expect(simple.as('ada').listBatches()).rejects.toMatchObject({ code: 'Unauthorized' });
  expect(await simple.as('all').listBatches()).toHaveLength(2);
});
