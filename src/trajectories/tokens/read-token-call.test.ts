import { expect, it } from 'vitest';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { aFinish } from '../../../test/support/records.ts';
import type { CallFinish } from '../../store/records.ts';
import { readTokenCall } from './read-token-call.ts';

const RECORD = { promptIds: [1], completionIds: [2, 3], logprobs: [-0.5, 0], version: 4 };

async function read(record: object | undefined, over: Partial<CallFinish> = {}, version?: number) {
  const artifacts = new MemoryArtifacts();
  const kept = record && (await artifacts.put(Buffer.from(JSON.stringify(record)))).digest;
  const finish = aFinish({ result: 'complete', tokens: kept, ...over });
  return await readTokenCall({ callId: 'call-1', finish }, artifacts, version);
}

it('reads what the engine said', async () => {
  expect(await read(RECORD)).toEqual({ callId: 'call-1', ...RECORD, cut: false });
  expect(await read({ ...RECORD, version: null }, {}, 7)).toMatchObject({ version: 7 });
  expect(await read({ ...RECORD, finish: 'stop' })).toMatchObject({ cut: false });
  expect(await read({ ...RECORD, finish: 'length' })).toMatchObject({ cut: true });
});

it.each([
  ['noTokens', undefined, {}],
  ['noTokens', { ...RECORD, logprobs: null }, {}],
  ['noTokens', RECORD, { result: 'aborted' as const }],
  ['noVersion', { ...RECORD, version: null }, {}],
  ['lengthMismatch', { ...RECORD, logprobs: [-0.5] }, {}],
])('says %s where a call cannot be trained on', async (problem, record, over) => {
  expect(await read(record, over)).toBe(problem);
});
