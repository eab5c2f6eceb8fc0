import Fastify from 'fastify';
import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { someEvidence } from '../../../test/support/cluster-rows.ts';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { aBatch, aClaim, anEnd, aPlan, aVerification } from '../../../test/support/records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { fakeModel } from '../../../test/support/training-bed.ts';
import { asAttemptId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { silentLogger } from '../../base/logger.ts';
import { QUERY_PREFIX } from '../../protocol/query-api.ts';
import { NO_SCORE } from '../../rollouts/outcome.ts';
import type { DigestPage } from '../../store/retention-records.ts';
import { openSqliteClusterStore } from '../../store/sqlite/open.ts';
import { importModel } from '../../training/model-artifact.ts';
import { readModel } from '../../training/model-manifest.ts';
import { QueryClient } from './query-client.ts';
import { queryPlugin } from './query-plugin.ts';

/** A store with one batch of two rollouts, the first of which is decided, behind a query API. */
async function served(serverToken = 'right', clientToken = 'right') {
  const folder = await tempDir();
  const store = await openSqliteClusterStore({
    folder: folder.path,
    holder: 'test',
    clock: systemClock,
  });
  const artifacts = new MemoryArtifacts();
  const batch = aBatch();
  const plan = aPlan(2);
  await store.planBatch(batch, plan);
  const rollout = plan[0]?.id ?? expect.unreachable();
  const attempt = await store.openAttempt(
    rollout,
    aClaim({ nonce: 'secret', engine: 'pod:pod-1' }),
  );
  const evidence = someEvidence({ nodeName: 'node-1', reason: 'Evicted', deletedByUs: 'paused' });
  await store.putEvidence(batch.id, evidence);
  await store.endAttempt(attempt.id, 'secret', anEnd());
  await store.addVerification(aVerification(rollout));
  await store.openCall({
    ...{ callId: 'call-1', attempt: attempt.id, startedAt: 1, model: 'm' },
    request: sha256('asked'),
  });
  await store.closeAttempt(attempt.id, { class: 'scored', reason: '', closedAt: 5 });
  await store.decideRollout(rollout, {
    ...{ outcome: 'scored', reason: '', attempt: attempt.id, asLeft: undefined, decidedAt: 9 },
    ...{ score: { ...NO_SCORE, flat: 0.1 + 0.2 }, checks: [{ name: '1', value: 0.5 }] },
    findings: [],
  });
  const app = Fastify();
  await app.register(queryPlugin, {
    ...{
      prefix: QUERY_PREFIX,
      store,
      models: store,
      synthesis: store,
      artifacts,
      logger: silentLogger,
    },
    token: () => serverToken,
    batchesOf: async () => [],
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const dispatcher = new Agent();
  const { signal } = new AbortController();
  const client = new QueryClient({ url, dispatcher, token: clientToken, signal });
  onTestFinished(async () => {
    await dispatcher.close();
    await app.close();
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  return { client, store, artifacts, batch, rollout, attempt: attempt.id, evidence };
}

test('reads the rows that the store holds, but no nonce', async () => {
  const { client, store, batch, rollout, attempt, evidence } = await served();
  expect(await client.listBatches()).toEqual(await store.listBatches());
  expect(await client.getBatch(batch.id)).toEqual(batch);
  expect(await client.countOutcomes(batch.id)).toEqual(await store.countOutcomes(batch.id));
  expect(await client.listRollouts(batch.id)).toEqual(await store.listRollouts(batch.id));
  expect(await client.listRollouts(batch.id, { undecided: true })).toHaveLength(1);
  expect(await client.getRollout(rollout)).toEqual(await store.getRollout(rollout));
  const hidden = { ...(await store.getAttempt(attempt)), nonce: '(hidden)' };
  expect(await client.getAttempt(attempt)).toEqual(hidden);
  expect(await client.listAttempts(rollout)).toEqual([hidden]);
  expect(await client.listVerifications(attempt)).toEqual(await store.listVerifications(attempt));
  expect(await client.listPods(attempt)).toEqual([{ work: 'rollout', evidence }]);
  expect(await client.listCalls(attempt)).toEqual(await store.listCalls(attempt));
  expect(await client.getCall('call-1')).toEqual(await store.getCall('call-1'));
});

test('answers undefined for what there is not', async () => {
  const { client } = await served();
  expect(await client.getCall('unknown')).toBeUndefined();
  expect(await client.listPods(asAttemptId('unknown'))).toEqual([]);
});

test('hands out artifacts byte for byte, and refuses bytes that are not those of the digest', async () => {
  const { client, artifacts } = await served();
  const bytes = Buffer.from([0, 255, 10, 128]);
  const { digest } = await artifacts.put(bytes);
  expect(Buffer.from(await client.read(digest))).toEqual(bytes);
  artifacts.contents.set(digest, Buffer.from('else'));
  await expect(client.read(digest)).rejects.toMatchObject({ code: 'CorruptArtifact' });
  await expect(client.read(sha256('missing'))).rejects.toMatchObject({ code: 'NotFound' });
});

test('lets go of an artifact of which the start is enough, and answers on', async () => {
  const { client, artifacts, batch } = await served();
  const { digest } = await artifacts.put(Buffer.alloc(32 * 1024 ** 2, 'x'));
  let read = 0;
  for await (const chunk of await client.stream(digest)) {
    if (Buffer.isBuffer(chunk)) read += chunk.length;
    break;
  }
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(2 * 1024 ** 2);
  expect(await client.getBatch(batch.id)).toEqual(batch);
});

test.each([
  ['right', 'wrong'],
  ['right', ''],
  ['', ''],
])('lets nobody in with another token: server %j, client %j', async (server, given) => {
  const { client } = await served(server, given);
  await expect(client.listBatches()).rejects.toMatchObject({ code: 'Unauthorized' });
});

test('names the parameter that a request lacks', async () => {
  const { client } = await served();
  await expect(client.getCall('x'.repeat(2000))).rejects.toMatchObject({
    code: 'InvalidInput',
    message: expect.stringContaining('needs the parameter ?id='),
  });
});

test('takes models that people bring, keeps their files, and lists them', async () => {
  const { client, store } = await served();
  await using dir = await tempDir();
  const folder = await fakeModel(`${dir.path}/model`);
  const { digest, manifest } = await importModel(folder, { versions: {}, parents: [] }, client);
  expect(await client.listModels()).toEqual([]);
  await client.importModel({ digest, source: folder });
  expect(await client.listModels()).toEqual([
    { digest, from: { kind: 'import', name: folder }, at: expect.any(Number) as unknown },
  ]);
  expect(await readModel(digest, client)).toEqual(manifest);
  const digests: string[] = [];
  for (let at: DigestPage['next'] = { table: 0, key: [] }; at !== undefined; ) {
    const page: DigestPage = await store.namedDigests(at);
    digests.push(...page.digests);
    at = page.next;
  }
  for (const file of manifest.files) expect(digests).toContain(file.digest);
  const none = sha256('nothing');
  await expect(client.importModel({ digest: none, source: 'x' })).rejects.toThrow(
    /is not in this store/,
  );
});
