import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { openSqliteReader, openSqliteStore } from './open.ts';

const row = (name: string, spec = '{}', createdAt = 1) => ({
  ...{ kind: 'TrainingRun', name, spec, createdAt },
  specDigest: sha256(spec),
});
const end = { state: 'complete', result: '{"model":"x"}', endedAt: 5 } as const;
const open = (folder: string) => openSqliteStore({ folder, holder: 'test', clock: systemClock });

test('an object is begun once, ended, and found again by kind and name', async () => {
  await using dir = await tempDir();
  {
    await using store = await open(dir.path);
    await store.beginObject(row('late', '{}', 9));
    expect(await store.beginObject(row('sft'))).toEqual({ ...row('sft'), end: undefined });
    await store.endObject('TrainingRun', 'sft', end);
    // The same again, as after a restart: the end stays.
    expect(await store.beginObject({ ...row('sft'), createdAt: 7 })).toEqual({
      ...row('sft'),
      end,
    });
  }
  await using reader = await openSqliteReader(dir.path);
  expect((await reader.listObjects('TrainingRun')).map(({ name }) => name)).toEqual([
    'sft',
    'late',
  ]);
  expect(await reader.getObject('SynthesisJob', 'sft')).toBeUndefined();
});

test('another specification under the same name is refused, and what is there stays', async () => {
  await using dir = await tempDir();
  await using store = await open(dir.path);
  await store.beginObject(row('sft'));
  await expect(store.beginObject(row('sft', '{"a":1}'))).rejects.toMatchObject({
    code: 'Conflict',
    message: expect.stringContaining('TrainingRun sft is in this store with another') as unknown,
  });
  expect((await store.getObject('TrainingRun', 'sft'))?.spec).toBe('{}');
});

test('one that failed made nothing, and gives way to another specification of its name', async () => {
  await using dir = await tempDir();
  await using store = await open(dir.path);
  await store.beginObject(row('sft'));
  await store.endObject('TrainingRun', 'sft', { ...end, state: 'failed' });
  // The same again is tried again, and its end stays until it ends anew.
  expect((await store.beginObject(row('sft'))).end?.state).toBe('failed');
  const other = row('sft', '{"a":1}', 7);
  expect(await store.beginObject(other)).toEqual({ ...other, end: undefined });
});

test('what was never begun cannot end', async () => {
  await using dir = await tempDir();
  await using store = await open(dir.path);
  await expect(store.endObject('TrainingRun', 'x', end)).rejects.toMatchObject({
    code: 'NotFound',
  });
});
