import { beforeAll, describe, test } from 'vitest';
import type { TrainingRun } from '../../operator/controllers/shared/kinds.ts';
import { jobs, services } from '../../operator/controllers/shared/kube-kinds.ts';
import { ClawError } from '../../src/base/error.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { TrainingSteps } from '../support/training/training-steps.ts';

const cluster = layerCluster();
const LIMIT = { timeout: 60_000, interval: 50 };

beforeAll(async () => installCrds(cluster), 120_000);

/** A bed with a runtime and a running operator. */
async function open() {
  const bed = await BatchBed.open(cluster.kubeconfigPath);
  const steps = new TrainingSteps(bed);
  await steps.runtime();
  const life = bed.start();
  return {
    ...{ bed, steps, server: bed.server },
    [Symbol.asyncDispose]: async () => {
      await life[Symbol.asyncDispose]();
      await bed[Symbol.asyncDispose]();
    },
  };
}
const uidOf = ({ metadata }: TrainingRun): string => metadata.uid ?? '';

describe.concurrent('a TrainingRun', () => {
  test('trains, loses its node, goes on in another pod, and ends with a model', async ({
    expect,
  }) => {
    await using held = await open();
    const { steps, server } = held;
    const run = await steps.create('sft');
    await expect.poll(() => steps.pods(run, 1), LIMIT).toHaveLength(1);
    const [first] = await steps.pods(run, 1);
    if (first === undefined) throw new Error('no pod');
    await steps.say(first, undefined);
    server.set(uidOf(run), { progress: { step: 4, totalSteps: 10, loss: 0.51234567 } });
    await expect.poll(() => steps.condition('sft', 'Progressing'), LIMIT).toMatch(/^True Training/);
    await expect
      .poll(async () => (await steps.get('sft'))?.status, LIMIT)
      .toMatchObject({ progress: '4/10', loss: '0.51235', step: 4 });
    await steps.say(first, 137, 'Killed');
    await expect.poll(() => steps.pods(run, 2), LIMIT).toHaveLength(1);
    expect(server.endsTold).toEqual([
      expect.objectContaining({ attempt: 1, cause: 'exited', exitCode: 137 }),
    ]);
    expect((await steps.get('sft'))?.status?.restarts).toEqual({ failures: 1, disruptions: 0 });
    const [second] = await steps.pods(run, 2);
    if (second === undefined) throw new Error('no pod');
    await steps.say(second, undefined);
    server.complete(uidOf(run));
    await steps.say(second, 0);
    await expect.poll(() => steps.condition('sft', 'Complete'), LIMIT).toMatch(/^True ModelStored/);
    const { status } = (await steps.get('sft')) ?? {};
    expect(status?.model?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(status?.completionTime).toBeDefined();
    await steps.change('sft', { ttlSecondsAfterFinished: 0 });
    await expect.poll(() => steps.get('sft'), LIMIT).toBeUndefined();
  });

  test('says in the words of the scheduler why it has no GPU, and trains where one is not needed', async ({
    expect,
  }) => {
    await using held = await open();
    const { steps } = held;
    await steps.create('gpu', { trainer: { gpusPerNode: 2, gpuResource: 'example.com/gpu' } });
    await expect
      .poll(() => steps.condition('gpu', 'Progressing'), LIMIT)
      .toMatch(/^False Unschedulable: .*Insufficient example\.com\/gpu/);
    expect(await steps.condition('gpu', 'Stalled')).toMatch(/^False/);
  });

  test('ends at bad data, in the words of the trainer', async ({ expect }) => {
    await using held = await open();
    const { bed, steps, server } = held;
    const run = await steps.create('bad');
    await expect.poll(() => steps.pods(run, 1), LIMIT).toHaveLength(1);
    const [pod] = await steps.pods(run, 1);
    if (pod === undefined) throw new Error('no pod');
    server.set(uidOf(run), { said: 'row 3 is no JSON' });
    await steps.say(pod, 2, 'sft/v1: row 3 is no JSON');
    await expect
      .poll(() => steps.condition('bad', 'Failed'), LIMIT)
      .toMatch(/^True BadInput: .*row 3 is no JSON/);
    await expect.poll(() => bed.eventReasons('bad'), LIMIT).toContain('BadInput');
  });

  test('stands still when it is suspended, at no cost, and goes on', async ({ expect }) => {
    await using held = await open();
    const { steps, server } = held;
    const run = await steps.create('pause');
    await expect.poll(() => steps.pods(run, 1), LIMIT).toHaveLength(1);
    const [pod] = await steps.pods(run, 1);
    if (pod === undefined) throw new Error('no pod');
    await steps.say(pod, undefined);
    await steps.change('pause', { suspend: true });
    await expect
      .poll(() => steps.condition('pause', 'Suspended'), LIMIT)
      .toMatch(/^True Suspending/);
    await steps.say(pod, 143);
    await steps.remove(pod).catch(() => undefined);
    await expect
      .poll(() => steps.condition('pause', 'Suspended'), LIMIT)
      .toMatch(/^True SuspendRequested/);
    expect(server.endsTold).toEqual([{ attempt: 1, cause: 'paused' }]);
    await steps.change('pause', { suspend: false });
    await expect.poll(() => steps.pods(run, 2), LIMIT).toHaveLength(1);
    expect(server.stateOf(uidOf(run)).restarts).toEqual({ failures: 0, disruptions: 0 });
  });

  test('of several nodes has a Service by which they find each other', async ({ expect }) => {
    await using held = await open();
    const { bed, steps } = held;
    const run = await steps.create('wide', { trainer: { nodes: 3 } });
    await expect.poll(() => steps.pods(run, 1), LIMIT).toHaveLength(3);
    const { items } = await bed.client.for(jobs).list({ namespace: bed.namespace }, bed.call);
    const name = items[0]?.metadata.name ?? '';
    const service = await bed.client
      .for(services)
      .get({ namespace: bed.namespace, name }, bed.call);
    expect(service.spec.clusterIP).toBe('None');
  });

  test('out of time fails, and what ran is ended', async ({ expect }) => {
    await using held = await open();
    const { bed, steps, server } = held;
    const run = await steps.create('late', { activeDeadlineSeconds: 3600 });
    await expect.poll(() => steps.pods(run, 1), LIMIT).toHaveLength(1);
    server.set(uidOf(run), { startedAt: Date.now() });
    bed.aheadMs = 3_700_000;
    await expect
      .poll(() => steps.condition('late', 'FailureTarget'), LIMIT)
      .toMatch(/^True DeadlineExceeded: activeDeadlineSeconds \(3600\) passed/);
    const going = async () =>
      (await steps.pods(run, 1)).every(({ metadata }) => metadata.deletionTimestamp !== undefined);
    await expect.poll(going, LIMIT).toBe(true);
  });

  test('that is deleted ends on the server too', async ({ expect }) => {
    await using held = await open();
    const { bed, steps, server } = held;
    const run = await steps.create('gone');
    await expect.poll(() => steps.pods(run, 1), LIMIT).toHaveLength(1);
    await steps.delete('gone');
    await expect
      .poll(() => server.stateOf(uidOf(run)).end, LIMIT)
      .toMatchObject({
        reason: 'Deleted',
      });
    await expect.poll(() => bed.jobs(), LIMIT).toEqual([]);
  });

  test.for<[string, object, RegExp]>([
    [
      'a runtime that is not there',
      { runtimeRef: { kind: 'TrainingRuntime', name: 'none' } },
      /^False RuntimeNotFound: TrainingRuntime .*\/none does not exist; create it/,
    ],
    [
      'the default runtime, which the chart was given no image for',
      { runtimeRef: undefined },
      /^False RuntimeNotFound: namespace .* has no TrainingRuntime sft, nor a ClusterTrainingRuntime; give the chart its image/,
    ],
    [
      'a method that the runtime has not',
      { method: { type: 'lora' } },
      /^False RuntimeUnfit: .*spec\.method\.type lora is not among its methods \(full\)/,
    ],
    [
      'a base that is not trained yet',
      { base: { trainingRun: { name: 'earlier' } } },
      /^False BaseNotFound: spec\.base\.trainingRun: TrainingRun .*\/earlier does not exist/,
    ],
    [
      'batches that are not there',
      { data: { from: { batches: ['teacher'] } } },
      /^False DataNotFound: spec\.data\.from\.batches: RolloutBatch .*\/teacher does not exist/,
    ],
  ])('is held by %s, which Planned says', async ([, spec, words], { expect }) => {
    await using held = await open();
    const { steps } = held;
    await steps.create('held', spec);
    await expect.poll(() => steps.condition('held', 'Planned'), LIMIT).toMatch(words);
    expect(await steps.condition('held', 'Stalled')).toMatch(/^True NeedsAction/);
  });

  test('is held by what the server refuses, in its words', async ({ expect }) => {
    await using held = await open();
    const { steps, server } = held;
    server.planRefusal = new ClawError('NotFound', 'model sha256:aaa is not in this store');
    await steps.create('held');
    await expect
      .poll(() => steps.condition('held', 'Planned'), LIMIT)
      .toMatch(/^False PlanRefused: model sha256:aaa is not in this store/);
    server.planRefusal = undefined;
    await expect
      .poll(() => steps.condition('held', 'Planned'), { ...LIMIT, timeout: 30_000 })
      .toMatch(/^True/);
  });
});
