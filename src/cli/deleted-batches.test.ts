import { describe, expect, test } from 'vitest';
import { aBatch } from '../../test/support/records.ts';
import { asBatchId } from '../base/brand.ts';
import type { RecordReader } from '../store/record-reader.ts';
import { deletedBatches } from './deleted-batches.ts';
import { findBatch } from './find-batch.ts';
import { findRollout } from './find-rollout.ts';
import type { NamedBatch } from './record-source.ts';

const row = (id: string, name: string, createdAt: number, namespace = 'team') =>
  aBatch({ id: asBatchId(id), createdAt, spec: JSON.stringify({ namespace, name }) });
const live: readonly NamedBatch[] = [
  { id: asBatchId('u-now'), name: 'nightly' },
  { id: asBatchId('u-other'), name: 'weekly-a' },
];
const rows = [
  row('u-now', 'nightly', 5),
  row('u-old', 'nightly', 1),
  row('u-first', 'trial', 2),
  row('u-second', 'trial', 3),
  row('u-gone', 'weekly', 0),
  row('u-foreign', 'theirs', 4, 'another-team'),
  aBatch({ id: asBatchId('local'), spec: '{}' }),
];
const deleted = () => deletedBatches(rows, { namespace: 'team', live });

test('are those of the namespace without an object, newest first, each by a name of its own', () => {
  expect(deleted()).toEqual([
    { id: 'u-second', name: 'trial', deleted: true },
    { id: 'u-first', name: 'u-first', deleted: true },
    { id: 'u-old', name: 'u-old', deleted: true },
    { id: 'u-gone', name: 'weekly', deleted: true },
  ]);
});

describe('a name', () => {
  const source = { batches: live, deleted: async () => deleted() };

  test.each([
    ['trial', 'u-second', true],
    ['tri', 'u-second', true],
    ['u-first', 'u-first', true],
    ['nightly', 'u-now', undefined],
    ['week', 'u-other', undefined],
    ['weekly', 'u-gone', true],
  ])('%s finds %s', async (wanted, id, isDeleted) => {
    const found = await findBatch(source, wanted);
    expect([found.id, found.deleted]).toEqual([id, isDeleted]);
  });

  test('that a live object has asks for no deleted ones', async () => {
    const asked = { batches: live, deleted: () => Promise.reject(new Error('asked for')) };
    expect(await findBatch(asked, 'nightly')).toMatchObject({ id: 'u-now' });
  });

  test('of none is refused with all that is there', async () => {
    await expect(findBatch(source, 'x')).rejects.toThrow(
      '"x" is no batch; there are: nightly, weekly-a, trial (deleted), u-first (deleted), u-old (deleted), weekly (deleted)',
    );
  });

  test('of a rollout finds it in a deleted batch too', async () => {
    const known = ['u-second/task/0'];
    const store = {
      getRollout: async (id: string) => (known.includes(id) ? { id } : undefined),
      listRollouts: async () => [],
    } as unknown as RecordReader;
    const records = { ...source, store, listing: 'get rollouts' };
    expect(await findRollout(records, 'trial/task/0')).toMatchObject({ name: 'trial/task/0' });
    await expect(findRollout(records, 'trial/task/1')).rejects.toMatchObject({ code: 'NotFound' });
  });
});
