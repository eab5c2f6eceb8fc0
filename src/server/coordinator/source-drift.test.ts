import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MockAgent } from 'undici';
import { beforeEach, expect, it } from 'vitest';
import { aPlanBody } from '../../../test/support/cluster-batches.ts';
import { packedExample } from '../../../test/support/import-files.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { startScripted, UID } from '../../../test/support/scripted-bed.ts';
import type { ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import { sha256 } from '../../base/digest.ts';
import type { BatchState } from '../../protocol/operator-api.ts';

const HOST = 'tasks.example';
const MINUTES = 60_000;

let cluster: ScriptedCluster;
let answer: { statusCode: number; data?: Buffer };
let asked: number;
const clock = new ManualClock(Date.now());

beforeEach(async () => {
  cluster = await startScripted();
  asked = 0;
  const mock = new MockAgent();
  const give = () => {
    asked += 1;
    return answer;
  };
  mock.get(`https://${HOST}`).intercept({ path: '/set.tar' }).reply(give).persist();
  cluster.download = { hosts: new Set([HOST]), maxBytes: 1 << 20, dispatcher: mock };
  cluster.clock = clock;
  await cluster.restart();
});

it('tells what an address gives later, and keeps to what it gave', async () => {
  const { bytes, digest } = await packedExample('log-triage');
  const other = Buffer.from('other bytes, which are no tasks');
  answer = { statusCode: 200, data: bytes };
  const source = { kind: 'url', url: `https://${HOST}/set.tar`, digest } as const;
  const body = { ...aPlanBody(), source: { ...source } };
  const first = await cluster.plan(UID, body);
  expect(first).toMatchObject({ taskSet: digest, planned: 1 });

  const state = (): Promise<BatchState> => cluster.open.coordinator.state(UID);
  const later = async (next: typeof answer): Promise<BatchState> => {
    answer = next;
    clock.advance(10 * MINUTES);
    const before = asked;
    const at = await cluster.plan(UID, body);
    await expect.poll(() => asked).toBe(before + 1);
    return at;
  };
  await cluster.plan(UID, body);
  expect(asked).toBe(1);

  await later({ statusCode: 200, data: other });
  await expect.poll(async () => (await state()).sourceNow).toBe(sha256(other));
  await cluster.restart();
  expect(await state()).toMatchObject({ taskSet: digest, sourceNow: sha256(other) });

  await later({ statusCode: 404 });
  await expect
    .poll(async () => (await state()).sourceGone)
    .toMatch(/^spec\.tasks\.url: .*status 404, expected 200/);

  await later({ statusCode: 200, data: bytes });
  await expect.poll(async () => (await state()).sourceGone).toBeUndefined();
  await expect.poll(async () => (await state()).sourceNow).toBeUndefined();
  expect(await readdir(join(cluster.folder, 'cache/sources'))).toEqual([]);
});
