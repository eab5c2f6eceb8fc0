import { beforeAll, describe, expect, test, vi } from 'vitest';
import { armBatchName } from '../../operator/controllers/benchrun/arm-batch.ts';
import { findCondition, isTrue } from '../../operator/kube/objects/conditions.ts';
import { controllerRef } from '../../operator/kube/objects/owner-references.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { CrashTransport } from '../support/crash-transport.ts';
import { kstatus } from '../support/kstatus.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { RunBed } from '../support/run-bed.ts';
import { BATCH, condition } from '../support/run-objects.ts';
import { DIGEST } from '../support/sample-objects.ts';
import { serverAway } from '../support/scripted-server.ts';

const LIMIT = { timeout: 30_000, interval: 30 };
/** The garbage collector looks for new kinds every 30 s only. */
const COLLECTED = { timeout: 60_000, interval: 100 };
const ARMS = ['nop', 'lazy', 'solution'].map((name) => ({ name, agent: { name } }));
const SPEC = { tasks: { configMap: { name: 'tasks', key: 'set' } }, arms: ARMS, parallelism: 6 };

beforeAll(async () => installCrds(layerCluster()), 120_000);

const open = async (): Promise<RunBed> => RunBed.open(layerCluster().kubeconfigPath);

/** The batch of an arm, once it is there. */
async function arm(bed: RunBed, name: string, bench = 'one') {
  return await vi.waitFor(async () => {
    const batch = await bed.batch(bench, `-${name}-`);
    if (batch === undefined) throw new Error(`no batch of arm ${name}`);
    return batch;
  }, LIMIT);
}

async function finish(bed: RunBed, name: string): Promise<void> {
  const batch = await arm(bed, name);
  bed.server.decided.add(batch.metadata.uid ?? '');
  await bed.say(batch, BATCH.complete);
}

/** Bench `one` with all its arms at work. */
async function atWork(bed: RunBed, spec: object = {}): Promise<void> {
  await bed.applyBench('one', { ...SPEC, ...spec });
  await bed.say(await arm(bed, 'nop'), BATCH.running);
  for (const name of ['lazy', 'solution']) await bed.say(await arm(bed, name), BATCH.running);
  await vi.waitFor(async () => expect(await reason(bed)).toBe('Running'), LIMIT);
}

const reason = async (bed: RunBed) =>
  findCondition((await bed.bench('one'))?.status?.conditions, 'Progressing')?.reason;
const holds = async (bed: RunBed, type: string) =>
  isTrue((await bed.bench('one'))?.status?.conditions, type);
const steering = async (bed: RunBed) =>
  (await bed.batches('one')).map(({ spec }) => [spec.suspend, spec.parallelism]);

describe.concurrent('a BenchRun', () => {
  test('runs the set that its first arm froze, and comes to its end with a summary', async ({
    expect,
  }) => {
    await using bed = await open();
    await using _life = bed.start();
    const bench = await bed.applyBench('one', SPEC);
    const first = await arm(bed, 'nop');
    expect(first.spec.tasks).toEqual(SPEC.tasks);
    expect(first.metadata).toMatchObject({
      name: armBatchName(bench, 'nop'),
      ownerReferences: [controllerRef(bench)],
    });
    expect(await bed.batches('one')).toHaveLength(1);
    await bed.say(first, BATCH.running);
    const others = [await arm(bed, 'lazy'), await arm(bed, 'solution')];
    expect(others.map(({ spec }) => spec.tasks)).toEqual([{ digest: DIGEST }, { digest: DIGEST }]);
    for (const other of others) await bed.say(other, BATCH.running);
    await expect.poll(() => reason(bed), LIMIT).toBe('Running');
    for (const { name } of ARMS) await finish(bed, name);
    await expect.poll(() => holds(bed, 'Complete'), LIMIT).toBe(true);
    const ended = await bed.bench('one');
    expect(ended?.status).toMatchObject({
      observedGeneration: 1,
      progress: '18/18',
      taskSet: DIGEST,
      scores: 'nop 0.250, lazy 0.250, solution 0.250',
      coverage: '1.0000',
      report: `clawgym report one --namespace ${bed.namespace} --out one-report`,
    });
    expect(ended && kstatus(ended)).toBe('Current');
    await expect
      .poll(() => bed.eventReasons('one'), LIMIT)
      .toEqual(expect.arrayContaining(['TaskSetFrozen', 'Completed']));
  });

  test('shares its places, and shares them anew as arms end and as it is told', async ({
    expect,
  }) => {
    await using bed = await open();
    await using _life = bed.start();
    await atWork(bed);
    const places = async () =>
      Object.fromEntries(
        await Promise.all(
          ARMS.map(async ({ name }) => [name, (await arm(bed, name)).spec.parallelism] as const),
        ),
      );
    expect(await places()).toEqual({ nop: 2, lazy: 2, solution: 2 });
    await finish(bed, 'nop');
    await expect.poll(places, LIMIT).toEqual({ nop: 2, lazy: 3, solution: 3 });
    await bed.applyBench('one', { ...SPEC, parallelism: 9 });
    await expect.poll(places, LIMIT).toEqual({ nop: 2, lazy: 5, solution: 4 });
    const { parallelism: _none, ...free } = SPEC;
    await bed.applyBench('one', free);
    await expect.poll(places, LIMIT).toEqual({ nop: 2 });
  });

  test('stands still and goes on with its arms', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await atWork(bed);
    await bed.applyBench('one', { ...SPEC, suspend: true });
    await expect.poll(() => steering(bed), LIMIT).toEqual(Array(3).fill([true, 2]));
    await expect.poll(() => holds(bed, 'Suspended'), LIMIT).toBe(true);
    const still = await bed.bench('one');
    expect(still && kstatus(still)).toBe('Current');
    await bed.applyBench('one', { ...SPEC, suspend: false });
    await expect.poll(() => steering(bed), LIMIT).toEqual(Array(3).fill([false, 2]));
    await expect.poll(() => reason(bed), LIMIT).toBe('Running');
  });

  test('makes nothing while it was created suspended', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyBench('one', { ...SPEC, suspend: true });
    await expect.poll(() => holds(bed, 'Suspended'), LIMIT).toBe(true);
    expect(await bed.batches('one')).toEqual([]);
    await bed.applyBench('one', { ...SPEC, suspend: false });
    await arm(bed, 'nop');
  });

  test('fails at its deadline, with what its arms have', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await atWork(bed);
    await bed.applyBench('one', { ...SPEC, activeDeadlineSeconds: 1 });
    await expect.poll(() => holds(bed, 'FailureTarget'), LIMIT).toBe(true);
    for (const { name } of ARMS) await bed.say(await arm(bed, name), BATCH.failed);
    await expect.poll(() => holds(bed, 'Failed'), LIMIT).toBe(true);
    const ended = await bed.bench('one');
    expect(findCondition(ended?.status?.conditions, 'Failed')?.reason).toBe('DeadlineExceeded');
    expect(ended && kstatus(ended)).toBe('Failed');
  });

  test('never makes a batch again after its end; before it, a lost one comes back', async ({
    expect,
  }) => {
    await using bed = await open();
    await using _life = bed.start();
    await atWork(bed);
    const lost = await arm(bed, 'lazy');
    await bed.batchClient.delete(lost.metadata, bed.call);
    const uid = async () => (await bed.batch('one', '-lazy-'))?.metadata.uid ?? lost.metadata.uid;
    await expect.poll(uid, LIMIT).not.toBe(lost.metadata.uid);
    expect((await arm(bed, 'lazy')).spec.tasks).toEqual({ digest: DIGEST });
    for (const { name } of ARMS) await finish(bed, name);
    await expect.poll(() => holds(bed, 'Complete'), LIMIT).toBe(true);
    const status = (await bed.bench('one'))?.status;
    for (const batch of await bed.batches('one'))
      await bed.batchClient.delete(batch.metadata, bed.call);
    // Another bench is dealt with after the loss was.
    await bed.applyBench('two', SPEC);
    await arm(bed, 'nop', 'two');
    expect(await bed.batches('one')).toEqual([]);
    expect((await bed.bench('one'))?.status).toEqual(status);
  });

  test('that is done takes note of a change, and goes when its time is over', async ({
    expect,
  }) => {
    await using bed = await open();
    await using _life = bed.start();
    await atWork(bed);
    for (const { name } of ARMS) await finish(bed, name);
    await expect.poll(() => holds(bed, 'Complete'), LIMIT).toBe(true);
    await bed.applyBench('one', { ...SPEC, ttlSecondsAfterFinished: 3600 });
    await expect
      .poll(async () => (await bed.bench('one'))?.status?.observedGeneration, LIMIT)
      .toBe(2);
    await bed.applyBench('one', { ...SPEC, ttlSecondsAfterFinished: 1 });
    await expect.poll(() => bed.bench('one'), LIMIT).toBeUndefined();
    await expect.poll(() => bed.batches('one'), COLLECTED).toEqual([]);
  });

  test('waits for a server that is away, says so, and keeps its scores', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await atWork(bed);
    await finish(bed, 'nop');
    await expect
      .poll(async () => (await bed.bench('one'))?.status?.scores, LIMIT)
      .toBe('nop 0.250');
    bed.server.failure = serverAway();
    await finish(bed, 'lazy');
    await expect.poll(() => reason(bed), LIMIT).toBe('ServerUnavailable');
    expect((await bed.bench('one'))?.status?.scores).toBe('nop 0.250');
    await finish(bed, 'solution');
    await expect.poll(() => holds(bed, 'SuccessCriteriaMet'), LIMIT).toBe(true);
    expect(await holds(bed, 'Complete')).toBe(false);
    bed.server.failure = undefined;
    await expect.poll(() => holds(bed, 'Complete'), LIMIT).toBe(true);
  });

  test('passes on why an arm cannot be planned, and reads as failed', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyBench('one', SPEC);
    await bed.say(await arm(bed, 'nop'), {
      conditions: [
        condition('Planned', 'False', 'NamespaceNotRestricted', 'label the namespace'),
        condition('Progressing', 'False', 'Blocked', 'label the namespace'),
        condition('Stalled', 'True', 'NeedsAction', 'label the namespace'),
      ],
    });
    await expect.poll(() => reason(bed), LIMIT).toBe('Blocked');
    const bench = await bed.bench('one');
    expect(findCondition(bench?.status?.conditions, 'Planned')).toMatchObject({
      reason: 'NamespaceNotRestricted',
      message: 'arm nop: label the namespace',
    });
    expect(bench && kstatus(bench)).toBe('Failed');
  });

  test('says who has the name of its batch, and leaves that one alone', async ({ expect }) => {
    await using bed = await open();
    const bench = await bed.applyBench('one', { ...SPEC, suspend: true });
    const name = armBatchName(bench, 'nop');
    const spec = { tasks: { digest: DIGEST }, agent: { name: 'nop' } };
    const foreign = { metadata: { name, namespace: bed.namespace }, spec };
    await bed.batchClient.apply(foreign, { ...bed.call, force: true });
    await using _life = bed.start();
    await bed.applyBench('one', SPEC);
    await expect.poll(() => reason(bed), LIMIT).toBe('BatchRefused');
    await bed.batchClient.delete(foreign.metadata, bed.call);
    await arm(bed, 'nop');
  });

  test('that somebody else manages is left alone', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyBench('other', { ...SPEC, managedBy: 'example.com/other' });
    await bed.applyBench('one', { ...SPEC, managedBy: 'clawgym.io/operator' });
    await arm(bed, 'nop');
    expect(await bed.batches('other')).toEqual([]);
    expect((await bed.bench('other'))?.status).toEqual({ observedGeneration: 0 });
  });
});

describe.concurrent('a BenchRun that is deleted', () => {
  test.for(['Background', 'Foreground'] as const)(
    'takes its batches along: %s',
    async (policy, { expect }) => {
      await using bed = await open();
      await using _life = bed.start();
      await atWork(bed);
      await bed.remove('bench', 'one', policy);
      await expect.poll(() => bed.bench('one'), COLLECTED).toBeUndefined();
      await expect.poll(() => bed.batches('one'), COLLECTED).toEqual([]);
    },
  );

  test('and made again under its name has batches of its own', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await atWork(bed);
    const before = (await bed.batches('one')).map(({ metadata }) => metadata.uid);
    await bed.remove('bench', 'one');
    await expect.poll(() => bed.bench('one'), LIMIT).toBeUndefined();
    const again = await bed.applyBench('one', SPEC);
    const name = armBatchName(again, 'nop');
    const key = { namespace: bed.namespace, name };
    const made = async () => (await bed.batchClient.get(key, bed.call)).metadata;
    await expect
      .poll(made, LIMIT)
      .toMatchObject({ ownerReferences: [{ uid: again.metadata.uid }] });
    expect(before).not.toContain((await made()).uid);
  });
});

test.concurrent('two operators at once make no batch twice', async ({ expect }) => {
  await using bed = await open();
  const counted = [0, 1].map(
    () => new CrashTransport(bed.transport, { at: undefined, moment: 'after' }),
  );
  await using _one = bed.start(counted[0]);
  await using _two = bed.start(counted[1]);
  await atWork(bed);
  expect(await bed.batches('one')).toHaveLength(3);
  for (const { name } of ARMS) await finish(bed, name);
  await expect.poll(() => holds(bed, 'Complete'), LIMIT).toBe(true);
  expect(await bed.batches('one')).toHaveLength(3);
});
