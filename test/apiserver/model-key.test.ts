import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';
import { events } from '../../operator/kube/writes/event-resource.ts';
import { systemClock } from '../../src/base/clock.ts';
import { KubeSecretReader } from '../../src/server/kube/secrets.ts';
import type { AskedModel } from '../../src/server/upstreams/upstream-questions.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { type KeptLine, lineLogger } from '../support/keeping-logger.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { type ScriptedModelServer, startScriptedModel } from '../support/scripted-model-server.ts';
import { questionsOf, secretAddress } from '../support/secret-endpoints.ts';

const LIMIT = { timeout: 60_000, interval: 50 };
const RIGHT = 'sk-right-5f0c';
const WRONG = 'sk-wrong-77aa';
const MODEL = { name: 'm', upstreamSecretRef: { name: 'gpt' } };
const secrets = defineResource({
  ...{ group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true },
  schema: zKubeObject,
});

beforeAll(async () => installCrds(layerCluster()), 120_000);

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Takes one key, and quotes every other one. */
async function lockedModel(): Promise<ScriptedModelServer> {
  const server = await startScriptedModel({
    script: () => ({ content: 'Ready.' }),
    fault: ({ headers: { authorization = '' } }) =>
      authorization === `Bearer ${RIGHT}`
        ? undefined
        : { kind: 'status', status: 401, body: `{"error": "no such key: ${authorization}"}` },
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

test('a wrong key is named before anything starts, and the run goes on once it is right', async () => {
  await using bed = await BatchBed.open(layerCluster().kubeconfigPath);
  await using _life = bed.start();
  const server = await lockedModel();
  const lines: KeptLine[] = [];
  const { call, client, namespace } = bed;
  const questions = questionsOf({
    ...{ clock: systemClock, logger: lineLogger(lines), signal: call.signal },
    secrets: new KubeSecretReader(client, call.signal),
  });
  const asked: AskedModel = { namespace, secret: 'gpt', model: 'm', sampling: {}, tokens: false };
  bed.server.modelHold = () => questions.look(asked);
  const give = async (apiKey: string) => {
    const data = { baseURL: base64(secretAddress(server.baseUrl)), apiKey: base64(apiKey) };
    const object = { metadata: { namespace, name: 'gpt' }, type: 'clawgym.io/upstream' };
    await client.for(secrets).apply({ ...object, data }, { ...call, force: true });
  };
  const agent = { name: 'command', command: ['true'] };
  const { metadata } = await bed.create('demo', { agent, model: MODEL, samples: 2 });
  await expect.poll(() => bed.condition('demo', 'Progressing'), LIMIT).toBe('False UpstreamUnfit');
  await give(WRONG);
  await expect
    .poll(() => bed.condition('demo', 'Progressing'), LIMIT)
    .toBe('False UpstreamRefused');
  expect(await bed.condition('demo', 'Stalled')).toBe('True NeedsAction');
  const held = await bed.get('demo');
  const said = held?.status?.conditions?.find(({ type }) => type === 'Stalled')?.message ?? '';
  expect(said).toContain(`Secret ${namespace}/gpt (model m) refused the call with status 401`);
  expect(said).toContain('check apiKey of the Secret');
  expect(held?.status).toMatchObject({ attempts: 0, rollouts: { pending: 2, decided: 0 } });
  expect(await bed.jobs()).toEqual([]);
  await give(RIGHT);
  await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
  expect((await bed.get('demo'))?.status).toMatchObject({
    ...{ attempts: 2, infraFailures: 0, outcomes: [{ outcome: 'scored', count: 2 }] },
  });
  expect(bed.server.attempts(metadata.uid ?? '')).toEqual([1, 1]);
  await expect
    .poll(() => bed.eventReasons('demo'), LIMIT)
    .toEqual(expect.arrayContaining(['UpstreamUnfit', 'UpstreamRefused', 'Completed']));
  const { items: notes } = await client.for(events).list({ namespace }, call);
  const seen = JSON.stringify([held, await bed.get('demo'), notes, lines]);
  for (const key of [WRONG, RIGHT]) expect(seen).not.toContain(key);
});
