import Fastify from 'fastify';
import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { writeRecords } from '../../../test/support/synthesis/written-records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { silentLogger } from '../../base/logger.ts';
import { OVERVIEW_PAGE, QUERY_PREFIX } from '../../protocol/query-api.ts';
import { openSqliteClusterStore } from '../../store/sqlite/open.ts';
import { AccessReviews } from '../identity/access-reviews.ts';
import { QueryClient } from './query-client.ts';
import { queryPlugin } from './query-plugin.ts';

/** Jobs of two namespaces, the first of which has ended; Ada may read its namespace. */
async function served() {
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
  return { as, store };
}

const text = async (read: Promise<Uint8Array>): Promise<string> =>
  Buffer.from(await read).toString();

test('tells of jobs, of their records in brief, and of one record with its calls', async () => {
  const { as, store } = await served();
  const all = as('all');
  const taskSet = sha256('tasks ours');
  const ours = {
    id: 'ours',
    namespace: 'team-a',
    name: 'sums',
    createdAt: 5,
    ended: true,
    taskSet,
  };
  expect(await all.listSyntheses()).toMatchObject([ours, { id: 'theirs', namespace: 'team-b' }]);
  expect(await all.getSynthesis('ours')).toEqual(ours);
  expect(await all.getSynthesis('unknown')).toBeUndefined();
  expect(await all.listRecordOverviews('ours')).toEqual([
    {
      ...{ number: 1, outcome: 'accepted', route: 'persona', seeds: ['nurse'], category: 'email' },
      ...{ title: 'Sort the rota', calls: 2, repairs: 0, task: sha256('the task') },
    },
    {
      ...{ number: 2, outcome: 'rejected', stage: 'gates', reason: 'LazyAboveCeiling' },
      ...{ message: 'the lazy agent earned 0.8', route: 'skill', category: 'data' },
      ...{ seeds: ['csv-cleaning', 'charts'], title: 'Two\u001b[31mlines', calls: 0, repairs: 1 },
    },
    {
      ...{ number: 3, outcome: 'open', stage: 'trial', route: 'persona', seeds: ['nurse'] },
      ...{ category: 'email', calls: 0, repairs: 0 },
    },
  ]);
  const [, second] = await store.listSynthesisRecords('ours');
  expect(await all.getSynthesisRecord('ours', 2)).toEqual(second);
  expect(await all.getSynthesisRecord('ours', 4)).toBeUndefined();
  expect(await all.listRecordCalls('ours', 1)).toEqual(await store.listSynthesisCalls('ours'));
  expect(await all.listRecordCalls('ours', 2)).toEqual([]);
});

test('lists jobs of more records than one page has', async () => {
  const { as, store } = await served();
  const [third] = (await store.listSynthesisRecords('ours')).slice(2);
  const last = OVERVIEW_PAGE + 2;
  await Promise.all(
    Array.from({ length: last - 3 }, (_, at) =>
      store.addSynthesisRecord({ ...(third ?? expect.fail('none')), number: at + 4 }),
    ),
  );
  const numbers = (await as('all').listRecordOverviews('ours')).map(({ number }) => number);
  expect(numbers).toEqual(Array.from({ length: last }, (_, at) => at + 1));
});

test('a person reads the jobs of their namespaces, and what rows of those have named', async () => {
  const { as } = await served();
  const ada = as('ada');
  expect((await ada.listSyntheses()).map(({ id }) => id)).toEqual(['ours']);
  await expect(ada.read(sha256('tasks ours'))).rejects.toMatchObject({ code: 'Forbidden' });
  await ada.getSynthesis('ours');
  expect(await text(ada.read(sha256('tasks ours')))).toBe('tasks ours');
  expect(await ada.listRecordOverviews('ours')).toHaveLength(3);
  expect(await ada.getSynthesisRecord('ours', 1)).toBeDefined();
  await expect(ada.read(sha256('asked draft ours'))).rejects.toMatchObject({ code: 'Forbidden' });
  await ada.listRecordCalls('ours', 1);
  expect(await text(ada.read(sha256('asked draft ours')))).toBe('asked draft ours');
  expect(await text(ada.read(sha256('answered draft ours')))).toBe('answered draft ours');
});

test('a person reads nothing of jobs of other namespaces, by no route', async () => {
  const { as } = await served();
  const ada = as('ada');
  const tries: readonly (() => Promise<unknown>)[] = [
    () => ada.getSynthesis('theirs'),
    () => ada.listRecordOverviews('theirs'),
    () => ada.getSynthesisRecord('theirs', 1),
    () => ada.listRecordCalls('theirs', 1),
    () => ada.read(sha256('tasks theirs')),
    () => ada.read(sha256('asked draft theirs')),
  ];
  for (const attempt of tries) {
    await expect(attempt()).rejects.toMatchObject({
      code: 'Forbidden',
      message: expect.stringContaining('ada may not read') as unknown,
    });
  }
  await expect(as('eve').listSyntheses()).rejects.toMatchObject({ code: 'Unauthorized' });
});
