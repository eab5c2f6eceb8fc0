import Fastify from 'fastify';
import { Agent } from 'undici';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { QUERY_PREFIX } from '../../../src/protocol/query-api.ts';
import { AccessReviews } from '../../../src/server/identity/access-reviews.ts';
import { QueryClient } from '../../../src/server/query/query-client.ts';
import { queryPlugin } from '../../../src/server/query/query-plugin.ts';
import { openSqliteClusterStore } from '../../../src/store/sqlite/open.ts';
import { ManualClock } from '../manual-clock.ts';
import { MemoryArtifacts } from '../memory-artifacts.ts';
import { tempDir } from '../temp-dir.ts';
import { writeRecords } from './written-records.ts';

/** A query API over jobs `ours` and `theirs` of two namespaces that have ended; `ada` may read the first. */
export async function servedSyntheses() {
  const folder = await tempDir();
  const store = await openSqliteClusterStore({
    ...{ folder: folder.path, holder: 'test', clock: systemClock, survives: 'process' },
  });
  const artifacts = new MemoryArtifacts();
  for (const [id, namespace] of [
    ['ours', 'team-a'],
    ['theirs', 'team-b'],
  ] as const) {
    const spec = { id, specDigest: sha256(id), spec: '{}', createdAt: 5 };
    await store.synthesisRuns.planSynthesisRun(spec, { namespace, name: 'sums', steering: '{}' });
    await writeRecords(store, id);
    for (const what of ['asked draft', 'answered draft', 'tasks'])
      await artifacts.put(Buffer.from(`${what} ${id}`));
    const result = { ended: 'TargetReached', taskSet: sha256(`tasks ${id}`), at: 7 };
    await store.synthesisRuns.changeSynthesisRun(id, { result: JSON.stringify(result) });
  }
  const person = { username: 'ada', uid: '', groups: [], extra: {} };
  const source = {
    whois: async (token: string) => (token === 'ada' ? person : undefined),
    mayRead: async (_person: unknown, namespace: string) => namespace === 'team-a',
  };
  const app = Fastify();
  await app.register(queryPlugin, {
    ...{ prefix: QUERY_PREFIX, store, models: store, synthesis: store, artifacts },
    ...{ logger: silentLogger, token: () => 'all', batchesOf: async () => [] },
    reviews: new AccessReviews(source, new ManualClock()),
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
  const as = (token: string) => new QueryClient({ url, dispatcher, token, signal });
  return { as, store, artifacts };
}
