import { expect, test } from 'vitest';
import { servedSyntheses } from '../../../test/support/synthesis/served-syntheses.ts';
import { sha256 } from '../../base/digest.ts';
import { OVERVIEW_PAGE } from '../../protocol/query-api.ts';

const text = async (read: Promise<Uint8Array>): Promise<string> =>
  Buffer.from(await read).toString();

test('tells of jobs, of their records in brief, and of one record with its calls', async () => {
  const { as, store } = await servedSyntheses();
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
  const { as, store } = await servedSyntheses();
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
  const { as } = await servedSyntheses();
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
  const { as } = await servedSyntheses();
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
