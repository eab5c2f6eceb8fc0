import { beforeEach, expect, it } from 'vitest';
import { aPlanBody } from '../../../test/support/cluster-batches.ts';
import { startScripted, UID, well } from '../../../test/support/scripted-bed.ts';
import type { ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import type { AskedModel } from '../upstreams/upstream-questions.ts';

const REFUSED = { reason: 'UpstreamRefused', message: 'Secret team-a/gpt: status 401' } as const;
const sampling = { temperature: '0.5', maxTokens: 100 };
const model = { name: 'm', upstreamSecretRef: { name: 'gpt' }, sampling, capture: 'tokens' };
const body = aPlanBody({ agent: { name: 'command', command: ['true'] }, spec: { model } });

let cluster: ScriptedCluster;
let asked: AskedModel[];
beforeEach(async () => {
  cluster = await startScripted();
  asked = [];
});

function answers(hold: typeof REFUSED | undefined): void {
  cluster.modelHold = (question) => {
    asked.push(question);
    return hold;
  };
}

it('a model that is not to be had starts no rollout, counts none, and is asked as agents will', async () => {
  answers(undefined);
  const { waiting } = await cluster.plan(UID, body);
  const shapeId = waiting[0]?.shape.id ?? '';
  answers(REFUSED);
  const held = { modelHold: REFUSED, waiting: [], pending: 2, decided: 0, attempts: 0 };
  expect(await cluster.open.coordinator.state(UID)).toMatchObject(held);
  await expect(cluster.newJob(UID, { shapeId, generation: 1, max: 2 })).rejects.toMatchObject({
    ...{ code: 'Conflict', retryable: true },
    message: expect.stringContaining(REFUSED.message) as unknown,
  });
  expect(await cluster.plan(UID, body)).toMatchObject(held);
  expect(asked[0]).toEqual({
    ...{ namespace: 'team-a', secret: 'gpt', model: 'm', tokens: true },
    sampling: { temperature: 0.5, max_tokens: 100 },
  });
  answers(undefined);
  const end = await cluster.drive(UID, well);
  expect(end).toMatchObject({ decided: 2, attempts: 2, outcomes: { scored: 2 } });
  expect(end).not.toHaveProperty('modelHold');
});

it('what runs already is asked for nothing, and is graded whatever the endpoint says', async () => {
  answers(undefined);
  const { waiting } = await cluster.plan(UID, body);
  const job = await cluster.newJob(UID, {
    ...{ shapeId: waiting[0]?.shape.id ?? '', generation: 1, max: 1 },
  });
  answers(REFUSED);
  asked = [];
  expect(await cluster.open.coordinator.state(UID)).toMatchObject({ waiting: [{ count: 1 }] });
  expect(asked).toEqual([]);
  await cluster.runPod(UID, job, 0, well);
  await cluster.open.coordinator.jobOver(UID, job.name, 'finished');
  const state = await cluster.drive(UID, well);
  expect(state).toMatchObject({ decided: 1, pending: 1, modelHold: REFUSED, waiting: [] });
});

it('a batch without an endpoint asks nobody', async () => {
  answers(REFUSED);
  await cluster.plan(UID, aPlanBody());
  expect(await cluster.drive(UID, well)).toMatchObject({ decided: 2 });
  expect(asked).toEqual([]);
});
