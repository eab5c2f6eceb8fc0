import { expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asSha256 } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import type {
  SynthesisCallRow,
  SynthesisRecordRow,
  SynthesisRecords,
} from '../synthesis-records.ts';
import { openSqliteReader, openSqliteStore } from './open.ts';

const D = asSha256('a'.repeat(64));
const E = asSha256('b'.repeat(64));
const JOB = { id: 'job', specDigest: D, spec: '{}', createdAt: 1 };

async function open(): Promise<{ store: SynthesisRecords; folder: string }> {
  const dir = await tempDir();
  const store = await openSqliteStore({ folder: dir.path, holder: 'test', clock: systemClock });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  await store.planSynthesis(JOB);
  return { store, folder: dir.path };
}

const record = (more: Partial<SynthesisRecordRow> = {}): SynthesisRecordRow => ({
  ...{ job: 'job', number: 1, revision: 0, stage: 'draft', data: '{}', endedAt: undefined },
  ...more,
});
const call = (more: Partial<SynthesisCallRow> = {}): SynthesisCallRow => ({
  ...{ callId: 'job/1/draft', job: 'job', number: 1, stage: 'draft', role: 'generator' },
  ...{ model: 'm', request: D, response: E, status: 200, inputTokens: 3, outputTokens: 2 },
  ...{ startedAt: 1, endedAt: 2 },
  ...more,
});

test('a job is planned once, and refused with another specification', async () => {
  const { store } = await open();
  await store.planSynthesis({ ...JOB, createdAt: 9 });
  expect(await store.getSynthesis('job')).toEqual(JOB);
  await expect(store.planSynthesis({ ...JOB, specDigest: E })).rejects.toThrow('stored with');
});

test('a record that is known is not begun again', async () => {
  const { store } = await open();
  await store.addSynthesisRecord(record());
  await store.saveSynthesisRecord(record({ revision: 1, stage: 'solution' }));
  await store.addSynthesisRecord(record());
  expect(await store.listSynthesisRecords('job')).toEqual([
    record({ revision: 1, stage: 'solution' }),
  ]);
});

test.each<[string, Partial<SynthesisRecordRow>]>([
  ['the same checkpoint again', { revision: 1 }],
  ['one that leaves a checkpoint out', { revision: 3 }],
  ['one of a record that was never begun', { number: 2, revision: 1 }],
])('%s is refused', async (_name, more) => {
  const { store } = await open();
  await store.addSynthesisRecord(record());
  await store.saveSynthesisRecord(record({ revision: 1, stage: 'solution' }));
  await expect(store.saveSynthesisRecord(record(more))).rejects.toThrow('does not follow');
});

test('an end is final', async () => {
  const { store } = await open();
  await store.addSynthesisRecord(record());
  await store.saveSynthesisRecord(record({ revision: 1, stage: 'rejected', endedAt: 5 }));
  const next = record({ revision: 2, stage: 'accepted', endedAt: 6 });
  await expect(store.saveSynthesisRecord(next)).rejects.toThrow('does not follow');
});

test('the first answer of a call holds, and readers see it', async () => {
  const { store, folder } = await open();
  await store.addSynthesisRecord(record());
  expect(await store.addSynthesisCall(call())).toEqual(call());
  expect(await store.addSynthesisCall(call({ response: D }))).toEqual(call());
  await using reader = await openSqliteReader(folder);
  expect(await reader.listSynthesisCalls('job')).toEqual([call()]);
  expect(await reader.getSynthesisCall('job/1/other')).toBeUndefined();
});

test('a call of a record that was never begun is refused', async () => {
  const { store } = await open();
  await expect(store.addSynthesisCall(call())).rejects.toThrow('refused a row');
});
