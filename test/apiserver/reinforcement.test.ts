import { beforeAll, describe, test } from 'vitest';
import {
  rolloutBatches,
  type TrainingRun,
  trainingRuntimes,
} from '../../operator/controllers/shared/kinds.ts';
import { sandboxPods } from '../../operator/controllers/shared/pods.ts';
import { sha256 } from '../../src/base/digest.ts';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import type { RlState } from '../../src/protocol/rl-api.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { TrainingSteps } from '../support/training/training-steps.ts';

const cluster = layerCluster();
const LIMIT = { timeout: 60_000, interval: 50 };
const DIGEST = 'a'.repeat(64);
const RL = {
  ...{ steps: 2, tasks: { digest: DIGEST }, groups: { perStep: 1, samples: 2 } },
  agent: { name: 'command', command: ['true'] },
  sampling: { temperature: '1.0', topP: '1' },
};
const evaluated = (step: number): RlState['evaluations'][number] => ({
  ...{ step, policyVersion: step, rollouts: 4, rewarded: 3, score: 0.5 },
  interval: { low: 0.09453, high: 0.90547 },
});
const uidOf = ({ metadata }: TrainingRun): string => metadata.uid ?? '';

beforeAll(async () => installCrds(cluster), 120_000);

/** A bed with a runtime of the contract and a running operator; the coordinator is a script. */
async function open() {
  const bed = await BatchBed.open(cluster.kubeconfigPath);
  const image = `trainer@sha256:${DIGEST}`;
  const { client, call, namespace } = bed;
  const runtime = {
    metadata: { name: 'rl', namespace },
    spec: {
      contract: 'rl-tokens/v1',
      capabilities: { methods: ['full'], cpu: true },
      ...{ trainer: { image }, policyServer: { image } },
    },
  };
  await client.for(trainingRuntimes).apply(runtime, { ...call, force: true });
  const steps = new TrainingSteps(bed);
  const life = bed.start();
  return {
    ...{ bed, steps, server: bed.server },
    create: (name: string, rl: object = RL) =>
      steps.create(name, {
        ...{ rl, data: undefined, hyper: {}, context: { maxTokens: 64 } },
        runtimeRef: { kind: 'TrainingRuntime', name: 'rl' },
      }),
    policyPods: async () =>
      (await client.for(sandboxPods).list({ namespace, labelSelector: LABELS.policy }, call)).items,
    batches: async () => (await client.for(rolloutBatches).list({ namespace }, call)).items,
    say: (run: TrainingRun, change: Partial<RlState>) => {
      const { wanted: _wanted, ...state } = bed.server.rlStates.get(uidOf(run)) as RlState;
      bed.server.rlStates.set(uidOf(run), { ...state, ...change });
    },
    [Symbol.asyncDispose]: async () => {
      await life[Symbol.asyncDispose]();
      await bed[Symbol.asyncDispose]();
    },
  };
}

describe.concurrent('reinforcement by a TrainingRun', () => {
  test('makes the RolloutBatch of each step, and shows how far it is', async ({ expect }) => {
    await using held = await open();
    const { bed, steps, server, batches, say } = held;
    bed.script = () => 'hang';
    server.policyState = { phase: 'served', message: '' };
    const run = await held.create('rl');
    await expect.poll(batches, LIMIT).toHaveLength(1);
    const [first] = await batches();
    expect(first?.spec).toMatchObject({
      model: { name: 'policy', artifact: `sha256:${DIGEST}`, capture: 'tokens' },
      ...{ samples: 2, suspend: false, tasks: { taskIds: ['a'] } },
    });
    await expect.poll(() => server.trainingCalls, LIMIT).toContain('batch step-1');
    expect(server.rlStates.get(uidOf(run))?.wanted?.batch).toBe(first?.metadata.uid);
    await expect
      .poll(() => steps.condition('rl', 'Progressing'), LIMIT)
      .toMatch(/^True Sampling: step 1 of 2: RolloutBatch rl-step-1-.* plays, policy version 0/);
    await expect.poll(() => steps.condition('rl', 'Planned'), LIMIT).toMatch(/^True InputsFrozen/);
    const model = sha256('version 1');
    const wanted = { part: 'step-2', kind: 'step', step: 2, samples: 2, policyVersion: 1 } as const;
    say(run, {
      ...{ step: 1, policyVersion: 1, reward: 0.25, trainedTokens: 12 },
      evaluations: [evaluated(1)],
      wanted: { ...wanted, model, taskSet: sha256('task set') },
    });
    await expect.poll(batches, LIMIT).toHaveLength(2);
    await expect
      .poll(async () => (await steps.get('rl'))?.status, LIMIT)
      .toMatchObject({
        ...{ progress: '1/2', reward: '0.25', policyVersion: 1, tokens: 12 },
        evaluations: [{ step: 1, n: 3, score: '0.5000', scoreLow: '0.0945', scoreHigh: '0.9055' }],
      });
    // The list is a map to the API server: another one is added, and what is there stays.
    say(run, {
      evaluations: [evaluated(1), { ...evaluated(2), rewarded: 0, score: null, interval: null }],
    });
    await expect
      .poll(async () => (await steps.get('rl'))?.status?.evaluations, LIMIT)
      .toMatchObject([
        { step: 1, score: '0.5000' },
        { step: 2, n: 0 },
      ]);
    const second = (await batches()).find(({ metadata }) => metadata.name.includes('step-2'));
    expect(second?.spec.model?.artifact).toBe(`sha256:${model}`);
    await steps.change('rl', { suspend: true });
    const suspended = async () => (await batches()).map(({ spec }) => spec.suspend);
    await expect.poll(suspended, LIMIT).toEqual([true, true]);
  });

  test('has one policy pod, which is told of each version and of the batch that plays', async ({
    expect,
  }) => {
    await using held = await open();
    const { bed, steps, server, batches, policyPods, say } = held;
    bed.script = () => 'hang';
    const run = await held.create('one');
    await expect.poll(policyPods, LIMIT).toHaveLength(1);
    const [pod] = await policyPods();
    expect(pod?.metadata.ownerReferences).toMatchObject([{ uid: uidOf(run), controller: true }]);
    const told = () => server.policyPods.get(pod?.metadata.uid ?? '');
    const [first] = await batches();
    await expect
      .poll(told, LIMIT)
      .toMatchObject({ version: 0, model: DIGEST, batches: [first?.metadata.uid] });
    server.policyState = { phase: 'served', message: '', version: 0 };
    const served = (batch: string) => () => bed.condition(batch, 'ModelServed');
    await expect.poll(served(first?.metadata.name ?? ''), LIMIT).toBe('True Served');
    await expect.poll(() => steps.condition('one', 'ModelServed'), LIMIT).toMatch(/^True Served/);
    const model = sha256('version 1');
    const wanted = { part: 'step-2', kind: 'step', step: 2, samples: 2, policyVersion: 1 } as const;
    say(run, {
      ...{ step: 1, policyVersion: 1, policyModel: model },
      wanted: { ...wanted, model, taskSet: sha256('task set') },
    });
    await expect.poll(batches, LIMIT).toHaveLength(2);
    const second = (await batches()).find(({ metadata }) => metadata.name.includes('step-2'));
    await expect
      .poll(told, LIMIT)
      .toMatchObject({ version: 1, model, batches: [second?.metadata.uid] });
    await expect.poll(served(second?.metadata.name ?? ''), LIMIT).toBe('True Served');
    const uids = async () => (await policyPods()).map(({ metadata }) => metadata.uid);
    expect(await uids()).toEqual([pod?.metadata.uid]);
    const lost = { namespace: bed.namespace, name: pod?.metadata.name ?? '' };
    await bed.client.for(sandboxPods).delete(lost, bed.call);
    await expect.poll(uids, LIMIT).toEqual([expect.not.stringMatching(pod?.metadata.uid ?? 'x')]);
    await steps.change('one', { suspend: true });
    await expect.poll(policyPods, LIMIT).toEqual([]);
  });

  test('ends where no rollout has a reward', async ({ expect }) => {
    await using held = await open();
    const { steps, batches, say } = held;
    const run = await held.create('lost');
    await expect.poll(batches, LIMIT).toHaveLength(1);
    say(run, { failure: { reason: 'NoRewards', message: 'no rollout has a reward' } });
    await expect
      .poll(() => steps.condition('lost', 'FailureTarget'), LIMIT)
      .toMatch(/^True NoRewards: no rollout has a reward/);
    await expect.poll(async () => (await batches())[0]?.spec.suspend, LIMIT).toBe(true);
  });

  test.for<readonly [string, object, RegExp]>([
    [
      'path',
      { path: 'tasks' },
      /^False TasksNotFound: spec\.rl\.tasks\.path is a path of your own machine/,
    ],
    [
      'volume',
      { persistentVolumeClaim: { claimName: 'tasks', path: 'x' } },
      /^False TasksNotFound: spec\.rl\.tasks\.persistentVolumeClaim: .* status\.taskSet/,
    ],
    [
      'map',
      { configMap: { name: 'none', key: 'x' } },
      /^False TasksNotFound: spec\.rl\.tasks\.configMap: there is no ConfigMap .*; create it/,
    ],
  ])('says what to do about its tasks: %s', async ([name, tasks, words], { expect }) => {
    await using held = await open();
    const { bed, steps, batches } = held;
    await held.create(name, { ...RL, tasks });
    await expect.poll(() => steps.condition(name, 'Planned'), LIMIT).toMatch(words);
    await expect.poll(() => steps.condition(name, 'Stalled'), LIMIT).toMatch(/^True NeedsAction/);
    // No trainer waits for what does not come.
    expect([await batches(), await bed.jobs()]).toEqual([[], []]);
  });
});
