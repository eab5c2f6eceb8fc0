import { expect, it } from 'vitest';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import type { BatchState } from '../../../src/protocol/operator-api.ts';
import { type Answers, answeringClient } from '../../../test/support/answering-client.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { policyWanted, resolveModel } from './model-of.ts';

const MODEL = asSha256('b'.repeat(64));
const call = { signal: new AbortController().signal };
const RUN = '/apis/clawgym.io/v1alpha1/namespaces/team-a/trainingruns/sft';

function batch(model: object): RolloutBatch {
  const object = {
    ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'RolloutBatch' },
    metadata: { name: 'b', namespace: 'team-a', uid: 'u' },
    spec: { tasks: { digest: 'a'.repeat(64) }, agent: { name: 'pi' }, model },
  };
  return { ...rolloutBatch.schema.parse(object), metadata: object.metadata };
}
const run = (type: string, more: object = {}) => ({
  ...{
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'TrainingRun',
    metadata: { name: 'sft', namespace: 'team-a' },
  },
  spec: {
    ...{ base: { artifact: `sha256:${MODEL}` }, hyper: { epochs: 1 } },
    data: { artifact: `sha256:${MODEL}` },
  },
  status: {
    conditions: [
      {
        ...{ type, status: 'True', reason: type, message: 'the loss diverged' },
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
    ...more,
  },
});
const leaving = {
  ...{ name: 'sft', namespace: 'team-a', deletionTimestamp: '2026-01-01T00:00:00Z' },
};
const suspended = { ...run('Progressing'), spec: { ...run('').spec, suspend: true } };
const NAMED = batch({ name: 'mine', trainingRun: { name: 'sft' } });

it.each<[string, Answers, object]>([
  [
    'is not there',
    {},
    {
      ...{ kind: 'planning', reason: 'ModelNotFound' },
      message:
        'spec.model.trainingRun: TrainingRun team-a/sft does not exist; create it, and see: kubectl get trainingrun --namespace team-a',
    },
  ],
  [
    'has failed',
    { [RUN]: run('Failed') },
    {
      ...{ kind: 'planning', reason: 'ModelNotFound' },
      message: expect.stringMatching(
        /has failed: the loss diverged; see: kubectl describe trainingrun\/sft --namespace team-a;/,
      ),
    },
  ],
  [
    'is being deleted',
    { [RUN]: { ...run('Progressing'), metadata: leaving } },
    { kind: 'planning', reason: 'ModelNotFound', message: expect.stringMatching(/being deleted/) },
  ],
  [
    'is at work',
    { [RUN]: run('Progressing') },
    { kind: 'waiting', reason: 'WaitingForModel', held: false },
  ],
  [
    'is suspended',
    { [RUN]: suspended },
    {
      ...{ kind: 'waiting', reason: 'WaitingForModel', held: true },
      message: expect.stringMatching(/is suspended; set its spec\.suspend to false; see: kubectl/),
    },
  ],
  [
    'has a model of an earlier try and is not complete',
    { [RUN]: run('Progressing', { model: { digest: MODEL } }) },
    { kind: 'waiting', held: false },
  ],
])(
  'a TrainingRun that %s keeps the batch from being planned',
  async (_case, answers, hindrance) => {
    const found = await resolveModel(answeringClient(answers), NAMED, undefined, call);
    expect(found).toMatchObject({ hindrance });
  },
);

it('a complete TrainingRun gives its model, and what was frozen stays when it is gone', async () => {
  const answers = { [RUN]: run('Complete', { model: { digest: MODEL } }) };
  const artifact = `sha256:${MODEL}`;
  const found = await resolveModel(answeringClient(answers), NAMED, undefined, call);
  expect(found).toMatchObject({ spec: { model: { name: 'mine', artifact } } });
  const known = { model: MODEL } as unknown as BatchState;
  expect(await resolveModel(answeringClient({}), NAMED, known, call)).toEqual(found);
});

it('models of others are left as they are', async () => {
  const other = batch({ name: 'm', upstreamSecretRef: { name: 's' } });
  const found = await resolveModel(answeringClient({}), other, undefined, call);
  expect(found).toEqual({ spec: other.spec });
});

it.each<[string, Partial<BatchState>, boolean, boolean]>([
  ['rollouts wait', { pending: 2, active: 0 }, true, true],
  ['agents are at work', { pending: 0, active: 1 }, true, true],
  ['agents end while it is suspended', { pending: 3, active: 1 }, false, true],
  ['it is suspended', { pending: 3, active: 0 }, false, false],
  ['only verdicts are awaited', { pending: 0, active: 0, verifying: 4 }, true, false],
])('the model is wanted or not where %s', (_case, counts, running, wanted) => {
  const state = { model: MODEL, ...counts } as unknown as BatchState;
  const found = policyWanted(NAMED, state, running);
  expect(found).toEqual(
    wanted ? { model: MODEL, version: 0, name: 'mine', runtimeRef: undefined } : undefined,
  );
});
