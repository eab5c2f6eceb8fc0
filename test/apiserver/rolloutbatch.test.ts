import { beforeAll, describe, test } from 'vitest';
import { jobs } from '../../operator/controllers/shared/kube-kinds.ts';
import { isControlledBy } from '../../operator/kube/objects/owner-references.ts';
import { BatchBed, type BedOptions } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const cluster = layerCluster();
const open = async (options: BedOptions = {}): Promise<BatchBed> =>
  BatchBed.open(cluster.kubeconfigPath, options);
const LIMIT = { timeout: 60_000, interval: 50 };
const hang = () => 'hang' as const;

beforeAll(async () => installCrds(cluster), 120_000);

/** Pods of rollouts that run now. */
async function runningPods(bed: BatchBed): Promise<number> {
  const pods = await bed.pods();
  return pods.filter((pod) => pod.status?.phase === 'Running' && !isGoing(pod)).length;
}
const isGoing = (pod: { readonly metadata: { readonly deletionTimestamp?: string | undefined } }) =>
  pod.metadata.deletionTimestamp !== undefined;

/** Why pods were deleted, as the server was told. */
const causesTold = (bed: BatchBed) => bed.server.evidenceTold.map((pod) => pod.deletedByUs);

describe.concurrent('a batch', () => {
  test('comes to its end: planned, run, verified, complete, tidied up', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    const { metadata } = await bed.create('demo', { samples: 6, parallelism: 3 });
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    const batch = await bed.get('demo');
    expect(batch?.status).toMatchObject({
      progress: '6/6',
      taskSet: 'a'.repeat(64),
      outcomes: [{ outcome: 'scored', count: 6 }],
      attempts: 6,
    });
    expect(bed.server.attempts(metadata.uid ?? '')).toEqual([1, 1, 1, 1, 1, 1]);
    await expect.poll(() => bed.jobs(), LIMIT).toEqual([]);
    await expect
      .poll(() => bed.eventReasons('demo'), LIMIT)
      .toEqual(expect.arrayContaining(['TaskSetFrozen', 'Running', 'Completed']));
  });

  test('is deleted some time after its end', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.create('demo', { ttlSecondsAfterFinished: 0 });
    await expect.poll(() => bed.get('demo'), LIMIT).toBe(undefined);
  });

  test('of another controller is left alone', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.create('theirs', { managedBy: 'example.com/other' });
    await bed.create('ours');
    await expect.poll(() => bed.complete('ours'), LIMIT).toBe(true);
    expect((await bed.get('theirs'))?.status?.conditions).toBe(undefined);
  });

  test('out of time fails, with results of what was decided', async ({ expect }) => {
    await using bed = await open({
      script: (_pod, _phase, index) => (index === 0 ? 'work' : 'hang'),
    });
    await using _life = bed.start();
    const { metadata } = await bed.create('demo', { samples: 2 });
    const progress = async () => (await bed.get('demo'))?.status?.progress;
    await expect.poll(progress, LIMIT).toBe('1/2');
    await bed.change('demo', { activeDeadlineSeconds: 1 });
    await expect
      .poll(async () => bed.condition('demo', 'Failed'), LIMIT)
      .toBe('True DeadlineExceeded');
    const batch = await bed.get('demo');
    expect(bed.server.cancelled(metadata.uid ?? '')).toBe('DeadlineExceeded');
    expect(batch?.status?.outcomes).toContainEqual({ outcome: 'cancelled', count: 1 });
    expect(batch?.status?.results?.digest).toBeDefined();
    expect(await bed.condition('demo', 'Complete')).toBe(undefined);
    expect(await bed.condition('demo', 'Stalled')).toBe('True RunFailed');
  });
});

describe.concurrent('suspension and parallelism', () => {
  test('a suspended batch has no Jobs; resumed it goes on in the next generation', async ({
    expect,
  }) => {
    await using bed = await open({ script: hang });
    await using _life = bed.start();
    const { metadata } = await bed.create('demo', { samples: 3, parallelism: 2 });
    await expect.poll(async () => runningPods(bed), LIMIT).toBe(2);
    await bed.change('demo', { suspend: true });
    await expect
      .poll(async () => bed.condition('demo', 'Suspended'), LIMIT)
      .toBe('True SuspendRequested');
    await expect.poll(() => bed.jobs(), LIMIT).toEqual([]);
    await expect.poll(() => causesTold(bed), LIMIT).toEqual(['paused', 'paused']);
    bed.script = () => 'work';
    await bed.change('demo', { suspend: false });
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    const told = bed.server.jobsOf(metadata.uid ?? '');
    expect(told[0]).toMatchObject({ name: expect.stringMatching(/-g1$/), cause: 'paused' });
    expect(told[1]).toMatchObject({ name: expect.stringMatching(/-g2$/), cause: 'finished' });
    await expect
      .poll(() => bed.eventReasons('demo'), LIMIT)
      .toEqual(expect.arrayContaining(['SuspendRequested', 'Resumed']));
  });

  test('parallelism goes up and down in a running Job; surplus pods are ours', async ({
    expect,
  }) => {
    await using bed = await open({ script: hang });
    await using _life = bed.start();
    await bed.create('demo', { samples: 5, parallelism: 1 });
    await expect.poll(async () => runningPods(bed), LIMIT).toBe(1);
    await bed.change('demo', { parallelism: 3 });
    await expect.poll(async () => runningPods(bed), LIMIT).toBe(3);
    await bed.change('demo', { parallelism: 1 });
    await expect.poll(() => causesTold(bed), LIMIT).toEqual(['parallelism', 'parallelism']);
    expect(await bed.jobs()).toHaveLength(1);
  });

  test('a Job that somebody else suspends is reported and not touched', async ({ expect }) => {
    await using bed = await open({ script: hang });
    await using _life = bed.start();
    await bed.create('demo');
    await expect.poll(async () => runningPods(bed), LIMIT).toBe(1);
    const [job] = await bed.jobs();
    if (job === undefined) throw new Error('no Job');
    const body = { spec: { suspend: true } };
    await bed.client.for(jobs).patch(job.metadata, { type: 'merge', body }, bed.call);
    await expect
      .poll(async () => bed.condition('demo', 'Suspended'), LIMIT)
      .toBe('True JobSuspended');
    expect((await bed.jobs())[0]?.spec.suspend).toBe(true);
    bed.script = () => 'work';
    await bed.client
      .for(jobs)
      .patch(job.metadata, { type: 'merge', body: { spec: { suspend: false } } }, bed.call);
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
  });
});

describe.concurrent('a deleted batch', () => {
  test.for(['Background', 'Foreground'] as const)(
    'takes its Jobs and pods along: %s',
    async (policy, { expect }) => {
      await using bed = await open({ script: hang });
      await using _life = bed.start();
      const { metadata } = await bed.create('demo', { samples: 2 });
      await expect.poll(async () => runningPods(bed), LIMIT).toBe(2);
      await bed.remove('demo', policy);
      await expect.poll(() => bed.get('demo'), LIMIT).toBe(undefined);
      await expect.poll(() => bed.jobs(), LIMIT).toEqual([]);
      await expect.poll(() => bed.pods(), LIMIT).toEqual([]);
      await expect.poll(() => bed.server.cancelled(metadata.uid ?? ''), LIMIT).toBe('Deleted');
    },
  );

  test('made again under its name is another one, with Jobs of its own', async ({ expect }) => {
    await using bed = await open({ script: hang });
    await using _life = bed.start();
    await bed.create('demo');
    await expect.poll(async () => runningPods(bed), LIMIT).toBe(1);
    const [before] = await bed.jobs();
    await bed.remove('demo', 'Background');
    bed.script = () => 'work';
    const batch = await bed.create('demo');
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    expect(bed.server.attempts(batch.metadata.uid ?? '')).toEqual([1]);
    const all = await bed.jobs();
    expect(
      all.filter((job) => isControlledBy(job, batch)).map(({ metadata }) => metadata.name),
    ).not.toContain(before?.metadata.name);
  });
});
