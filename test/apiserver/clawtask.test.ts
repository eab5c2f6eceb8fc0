import { beforeAll, describe, test } from 'vitest';
import { findCondition } from '../../operator/kube/objects/conditions.ts';
import { controllerRef, isControlledBy } from '../../operator/kube/objects/owner-references.ts';
import { GATES } from '../../src/rollouts/gates/gate-runs.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { batchesIn, makeTask, readiness } from '../support/batch/every-kind.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { kstatus } from '../support/kstatus.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { RunBed } from '../support/run-bed.ts';
import { BATCH, condition } from '../support/run-objects.ts';
import { rowsOf, serverAway } from '../support/scripted-server.ts';

const LIMIT = { timeout: 30_000, interval: 30 };
const COLLECTED = { timeout: 60_000, interval: 100 };
const task = (text: string) => ({
  instruction: { turns: [{ text }] },
  verifier: {
    dialect: 'check-json',
    entry: 'check.py',
    files: [{ path: 'check.py', text: 'print("{}")' }],
  },
});
const SPEC = { task: task('Rename the photos.') };
/** Runs and what each of their rows earns. */
const SOUND = { nop: 0, lazy: 0.2, solution: 1, cheats: 0 };
const SAMPLES = { nop: 3, lazy: 1, solution: 5, cheats: 20 };
type Run = keyof typeof SOUND;
const RUNS: readonly Run[] = ['nop', 'lazy', 'solution', 'cheats'];

beforeAll(async () => installCrds(layerCluster()), 120_000);

const open = async (): Promise<RunBed> => RunBed.open(layerCluster().kubeconfigPath);
const agents = async (bed: RunBed) =>
  (await bed.batches('one')).map(({ spec }) => spec.agent.name).toSorted();
const said = async (bed: RunBed, type = 'Ready') => {
  const found = findCondition((await bed.task('one'))?.status?.conditions, type);
  return `${found?.status} ${found?.reason}`;
};

/** Lets every run that is there come to its end, with rows that earn `scores`. */
async function finish(bed: RunBed, scores: Readonly<Record<Run, number>> = SOUND): Promise<void> {
  for (const run of RUNS) {
    for (const batch of await bed.batches('one')) {
      if (batch.metadata.labels?.['clawgym.io/gate'] !== run) continue;
      bed.server.rows.set(batch.metadata.uid ?? '', rowsOf('one', SAMPLES[run], scores[run]));
      await bed.say(batch, BATCH.complete);
    }
  }
}

describe.concurrent('a ClawTask', () => {
  test('is judged by its gates', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    const made = await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toEqual(['cheat', 'lazy', 'nop', 'solution']);
    await expect.poll(() => said(bed), LIMIT).toBe('Unknown Running');
    for (const batch of await bed.batches('one')) {
      expect(batch.metadata.ownerReferences).toEqual([controllerRef(made)]);
      expect(batch.spec.tasks.taskIds).toEqual(['one']);
    }
    await finish(bed);
    await expect.poll(() => said(bed), LIMIT).toBe('True AllGatesPassed');
    const ended = await bed.task('one');
    expect(ended?.status).toMatchObject({ gates: '6/6', agentCode: 'none', observedGeneration: 1 });
    expect(ended && kstatus(ended)).toBe('Current');
    await expect.poll(() => bed.eventReasons('one'), LIMIT).toContain('AllGatesPassed');
  });

  test('fails the gate that finds something, by name, and the others all the same', async ({
    expect,
  }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
    await finish(bed, { ...SOUND, lazy: 0.5, solution: 0.9 });
    // The task is not ready from the first failure on, while other gates are still judged.
    const verdicts = async () => Promise.all(GATES.map((gate) => said(bed, gate)));
    await expect
      .poll(verdicts, LIMIT)
      .toEqual([
        'True Passed',
        'True Passed',
        'False PaysForPlaceholders',
        'False SolutionFails',
        'True Passed',
        'True Passed',
      ]);
    expect(await said(bed)).toBe('False PaysForPlaceholders');
    const ended = await bed.task('one');
    expect(ended && kstatus(ended)).toBe('Failed');
  });

  test('with static problems runs nothing', async ({ expect }) => {
    await using bed = await open();
    bed.server.facts = { problems: ['the instruction is white space'] };
    await using _life = bed.start();
    await bed.applyTask('one', SPEC);
    await expect.poll(() => said(bed), LIMIT).toBe('False ProblemsFound');
    expect(await bed.batches('one')).toEqual([]);
  });

  test('without a solution says so', async ({ expect }) => {
    await using bed = await open();
    bed.server.facts = { hasSolution: false };
    await using _life = bed.start();
    await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toEqual(['cheat', 'lazy', 'nop']);
    await finish(bed);
    await expect.poll(() => said(bed, 'SolutionPassed'), LIMIT).toBe('Unknown NoSolution');
  });

  test('that is changed is judged anew; what else changes runs nothing', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
    await finish(bed);
    await expect.poll(() => said(bed), LIMIT).toBe('True AllGatesPassed');
    const before = (await bed.batches('one')).map(({ metadata }) => metadata.uid);
    for (const suspend of [true, false]) {
      const { metadata } = await bed.applyTask('one', { ...SPEC, suspend });
      const seen = async () => (await bed.task('one'))?.status?.observedGeneration;
      await expect.poll(seen, LIMIT).toBe(metadata.generation);
    }
    expect((await bed.batches('one')).map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(await said(bed)).toBe('True AllGatesPassed');
    await bed.applyTask('one', { task: task('Rename them by date.') });
    const uids = async () => (await bed.batches('one')).map(({ metadata }) => metadata.uid);
    await expect
      .poll(async () => (await uids()).filter((uid) => before.includes(uid)), COLLECTED)
      .toEqual([]);
    await expect.poll(uids, LIMIT).toHaveLength(4);
    await expect.poll(() => said(bed), LIMIT).toBe('Unknown Running');
  });

  test('runs no gate while it is suspended, and stops those that run', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyTask('one', { ...SPEC, suspend: true });
    await expect.poll(() => said(bed), LIMIT).toBe('Unknown Suspended');
    expect(await bed.batches('one')).toEqual([]);
    await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
    await bed.applyTask('one', { ...SPEC, suspend: true });
    const paused = async () => (await bed.batches('one')).map(({ spec }) => spec.suspend);
    await expect.poll(paused, LIMIT).toEqual([true, true, true, true]);
    await bed.applyTask('one', SPEC);
    await expect.poll(paused, LIMIT).toEqual([false, false, false, false]);
  });

  test('has a gate run again when its batch is deleted', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
    const lost = await bed.batch('one', '-nop-');
    if (lost === undefined) throw new Error('no batch of nop');
    await bed.batchClient.delete(lost.metadata, bed.call);
    const uid = async () => (await bed.batch('one', '-nop-'))?.metadata.uid ?? lost.metadata.uid;
    await expect.poll(uid, LIMIT).not.toBe(lost.metadata.uid);
  });

  test('keeps its verdict while the server is away, and gets one when it is back', async ({
    expect,
  }) => {
    await using bed = await open();
    await bed.applyTask('one', SPEC);
    {
      await using _life = bed.start();
      await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
      await finish(bed);
      await expect.poll(() => said(bed), LIMIT).toBe('True AllGatesPassed');
    }
    bed.server.failure = serverAway();
    await using _life = bed.start();
    await bed.applyTask('two', SPEC);
    const other = async () =>
      findCondition((await bed.task('two'))?.status?.conditions, 'Ready')?.reason;
    await expect.poll(other, LIMIT).toBe('ServerUnavailable');
    expect(await said(bed)).toBe('True AllGatesPassed');
    bed.server.failure = undefined;
    await expect.poll(other, LIMIT).toBe('Running');
  });

  test('passes on what holds a run up', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
    const nop = await bed.batch('one', '-nop-');
    if (nop === undefined) throw new Error('no batch of nop');
    const stalled = condition('Stalled', 'True', 'NeedsAction', 'label the namespace');
    await bed.say(nop, { conditions: [stalled] });
    await expect.poll(() => said(bed, 'NopPassed'), LIMIT).toBe('Unknown RunStalled');
    const held = await bed.task('one');
    expect(held && kstatus(held)).toBe('Failed');
  });

  test.for(['Background', 'Foreground'] as const)(
    'takes its batches along when it is deleted: %s',
    async (policy, { expect }) => {
      await using bed = await open();
      await using _life = bed.start();
      await bed.applyTask('one', SPEC);
      await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
      await bed.remove('task', 'one', policy);
      await expect.poll(() => bed.task('one'), COLLECTED).toBeUndefined();
      await expect.poll(() => bed.batches('one'), COLLECTED).toEqual([]);
    },
  );

  test('that is made again under its name is judged by batches of its own', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.applyTask('one', SPEC);
    await expect.poll(() => agents(bed), LIMIT).toHaveLength(4);
    await finish(bed);
    await expect.poll(() => said(bed), LIMIT).toBe('True AllGatesPassed');
    const before = (await bed.batches('one')).map(({ metadata }) => metadata.uid);
    await bed.remove('task', 'one');
    await expect.poll(() => bed.task('one'), LIMIT).toBeUndefined();
    // The same task: what its namesake's gates said is not its own verdict.
    const again = await bed.applyTask('one', SPEC);
    await expect.poll(() => said(bed), LIMIT).toBe('Unknown Running');
    const left = async () =>
      (await bed.batches('one')).filter(({ metadata }) => before.includes(metadata.uid));
    await expect.poll(left, COLLECTED).toEqual([]);
    const own = (await bed.batches('one')).filter((batch) => isControlledBy(batch, again));
    expect(own).toHaveLength(4);
    await finish(bed);
    await expect.poll(() => said(bed), LIMIT).toBe('True AllGatesPassed');
  });
});

test.concurrent('two operators at once make no batch of a gate twice, and count no attempt twice', async ({
  expect,
}) => {
  await using bed = await BatchBed.open(layerCluster().kubeconfigPath);
  await using _one = bed.start();
  await using _two = bed.start();
  await makeTask(bed, 'one');
  const verdict = () => readiness(bed, 'one');
  await expect.poll(verdict, { ...LIMIT, timeout: 90_000 }).toBe('True AllGatesPassed');
  const planned = bed.server.planned(bed.namespace).map(([uid]) => uid);
  expect(planned).toHaveLength(RUNS.length);
  const batches = await batchesIn(bed);
  expect(new Set(batches.map(({ metadata }) => metadata.uid))).toEqual(new Set(planned));
  for (const { metadata, spec } of batches) {
    const uid = metadata.uid ?? '';
    expect(bed.server.attempts(uid)).toEqual(Array(spec.samples).fill(1));
    const names = bed.server.jobsOf(uid).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  }
});
