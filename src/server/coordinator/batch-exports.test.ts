import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aPlanBody } from '../../../test/support/cluster-batches.ts';
import { startScripted, UID, well } from '../../../test/support/scripted-bed.ts';
import type { ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import { asBatchId, asSha256, parseJson, type Sha256 } from '../../base/brand.ts';

let cluster: ScriptedCluster;
beforeEach(async () => {
  cluster = await startScripted();
});

const zManifest = z.looseObject({
  files: z.record(z.string(), z.object({ sha256: z.string(), bytes: z.number() })),
});
const text = async (digest: Sha256) => Buffer.from(await cluster.artifacts.read(digest)).toString();

/** One answered call of the attempt, as the gateway records it. */
async function say(attempt: Parameters<typeof cluster.store.listCalls>[0], words: string) {
  const put = async (value: object) =>
    (await cluster.artifacts.put(Buffer.from(JSON.stringify(value)))).digest;
  const request = await put({ model: 'm', messages: [{ role: 'user', content: words }] });
  const message = { role: 'assistant', content: 'Done.' };
  const response = await put({ choices: [{ message, finish_reason: 'stop' }] });
  const callId = `call-of-${attempt}`;
  await cluster.store.openCall({ callId, attempt, startedAt: 1, model: 'm', request });
  await cluster.store.finishCall(callId, {
    status: 200,
    contentType: 'application/json',
    response,
    result: 'complete',
    inputTokens: 1,
    outputTokens: 1,
    endedAt: 2,
  });
}

async function decided(exports: readonly object[]) {
  await cluster.plan(UID, aPlanBody({ spec: { exports } }));
  await cluster.drive(UID, well);
  const [first] = await cluster.store.listRollouts(asBatchId(UID));
  const [attempt] = first === undefined ? [] : await cluster.store.listAttempts(first.id);
  if (attempt !== undefined) await say(attempt.id, 'Write out.txt (one).');
}

describe('the exports of a batch', () => {
  it('are made with its results, once, and name files that are there', async () => {
    await decided([
      { name: 'sft', format: 'messages-tools' },
      { name: 'all-apart', format: 'messages-tools', minScore: '0', validationPercent: 100 },
    ]);
    expect((await cluster.open.coordinator.state(UID)).exports).toBeUndefined();
    const results = await cluster.open.coordinator.finish(UID);
    const state = await cluster.open.coordinator.state(UID);
    expect(state.exports).toEqual([
      { name: 'sft', digest: expect.any(String), rollouts: 1, rows: 1 },
      { name: 'all-apart', digest: expect.any(String), rollouts: 1, rows: 1 },
    ]);
    const [sft, apart] = await Promise.all(
      (state.exports ?? []).map(async ({ digest }) =>
        zManifest.parse(parseJson(await text(digest))),
      ),
    );
    expect(sft).toMatchObject({
      format: 'messages-tools/v1',
      rollouts: { seen: 2, taken: 1 },
      excluded: { noCalls: 1 },
      files: { 'validation.jsonl': { bytes: 0 } },
    });
    expect(apart?.files['train.jsonl']?.bytes).toBe(0);
    const train = await text(asSha256(sft?.files['train.jsonl']?.sha256 ?? ''));
    expect(train).toContain('"reward":0.5');
    expect(train.trim().split('\n')).toHaveLength(1);

    await cluster.restart();
    expect(await cluster.open.coordinator.finish(UID)).toBe(results);
    expect((await cluster.open.coordinator.state(UID)).exports).toEqual(state.exports);
  });

  it('are made once for two who ask at the same time', async () => {
    await decided([{ name: 'sft', format: 'messages-tools' }]);
    const { coordinator } = cluster.open;
    const [one, two] = await Promise.all([coordinator.finish(UID), coordinator.finish(UID)]);
    expect(one).toBe(two);
  });

  it('are none where the spec names none', async () => {
    await decided([]);
    await cluster.open.coordinator.finish(UID);
    expect((await cluster.open.coordinator.state(UID)).exports).toBeUndefined();
  });
});
