import { beforeAll, describe, expect, test } from 'vitest';
import type { RolloutBatch } from '../../operator/controllers/shared/kinds.ts';
import { isTrue } from '../../operator/kube/objects/conditions.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import {
  type CrashScenario,
  type CrashStep,
  type CrashWorld,
  crashAtEveryWrite,
} from '../support/crash-harness.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { normalObject } from '../support/normal-object.ts';
import { RunBed } from '../support/run-bed.ts';
import { BATCH } from '../support/run-objects.ts';
import { rowsOf } from '../support/scripted-server.ts';

const NAME = 'one';
/** A third of the writes is enough for every day; the claim asks for all: CLAWGYM_CRASH_EVERY=1. */
const EVERY = Number(process.env['CLAWGYM_CRASH_EVERY'] ?? '3');
const EARNED = new Map<string, number>([
  ['lazy', 0.2],
  ['solution', 1],
]);

beforeAll(async () => installCrds(layerCluster()), 120_000);

/** A world of one bed, whose steps are checked for a batch that is there twice. */
function worldOf(
  bed: RunBed,
  most: number,
  steps: readonly (readonly [string, () => Promise<unknown>, () => Promise<boolean>])[],
): CrashWorld {
  // A status names batches also when they are gone.
  const words: Record<string, string> = { [bed.namespace]: 'NAMESPACE' };
  const observe = async (): Promise<unknown> => {
    const owner = (await bed.bench(NAME)) ?? (await bed.task(NAME));
    const batches = await bed.batches(NAME);
    if (batches.length > most) throw new Error(`${batches.length} batches, ${most} were asked for`);
    for (const { name } of batches.map(({ metadata }) => metadata))
      words[name] = name.replace(/-[a-z2-7]+$/, '-HASH');
    return normalObject({ owner, batches }, words);
  };
  return {
    transport: bed.transport,
    steps: steps.map(
      ([name, act, settled]): CrashStep => ({
        ...{ name, settled, observe },
        act: async () => void (await act()),
      }),
    ),
    run: async (transport, signal) => {
      const end = await bed.run(transport, signal);
      if (end.reason === 'failed') throw end.error;
    },
    close: () => bed[Symbol.asyncDispose](),
  };
}

const open = async (): Promise<RunBed> => RunBed.open(layerCluster().kubeconfigPath);

/** A life of a BenchRun: begun, planned, paused, resumed, an arm done, all done. */
async function benchWorld(): Promise<CrashWorld> {
  const bed = await open();
  const spec = {
    tasks: { configMap: { name: 'tasks', key: 'set' } },
    arms: ['nop', 'lazy'].map((name) => ({ name, agent: { name } })),
    parallelism: 4,
  };
  const batch = async (arm: string): Promise<RolloutBatch> => {
    const found = await bed.batch(NAME, `-${arm}-`);
    if (found === undefined) throw new Error(`no batch of ${arm}`);
    return found;
  };
  const finish = async (arm: string): Promise<void> => {
    const done = await batch(arm);
    bed.server.decided.add(done.metadata.uid ?? '');
    await bed.say(done, BATCH.complete);
  };
  const count = async (wanted: number): Promise<boolean> =>
    (await bed.batches(NAME)).length === wanted;
  const all = async (holds: (each: RolloutBatch) => boolean): Promise<boolean> =>
    (await bed.batches(NAME)).every(holds);
  const seen = async (): Promise<boolean> => {
    const bench = await bed.bench(NAME);
    return bench?.status?.observedGeneration === bench?.metadata.generation;
  };
  return worldOf(bed, 2, [
    ['begun', () => bed.applyBench(NAME, spec), () => count(1)],
    ['planned', async () => bed.say(await batch('nop'), BATCH.running), () => count(2)],
    [
      'paused',
      () => bed.applyBench(NAME, { ...spec, suspend: true }),
      async () => (await seen()) && (await all((each) => each.spec.suspend)),
    ],
    [
      'resumed',
      () => bed.applyBench(NAME, { ...spec, suspend: false }),
      async () => (await seen()) && (await all((each) => !each.spec.suspend)),
    ],
    ['an arm done', () => finish('nop'), async () => (await batch('lazy')).spec.parallelism === 4],
    [
      'all done',
      () => finish('lazy'),
      async () => isTrue((await bed.bench(NAME))?.status?.conditions, 'Complete'),
    ],
    [
      'its batches gone',
      async () => {
        for (const each of await bed.batches(NAME))
          await bed.batchClient.delete(each.metadata, bed.call);
      },
      () => count(0),
    ],
  ]);
}

/** A life of a ClawTask: made, judged, changed, judged again. */
async function taskWorld(): Promise<CrashWorld> {
  const bed = await open();
  const spec = (text: string) => ({
    task: {
      instruction: { turns: [{ text }] },
      verifier: {
        dialect: 'check-json',
        entry: 'check.py',
        files: [{ path: 'check.py', text: 'print("{}")' }],
      },
    },
  });
  let former: readonly (string | undefined)[] = [];
  const four = async (): Promise<boolean> => {
    const uids = (await bed.batches(NAME)).map(({ metadata }) => metadata.uid);
    return uids.length === 4 && uids.every((uid) => !former.includes(uid));
  };
  const finish = async (nop: number): Promise<void> => {
    const batches = await bed.batches(NAME);
    former = batches.map(({ metadata }) => metadata.uid);
    for (const batch of batches) {
      const { name } = batch.spec.agent;
      const score = name === 'nop' ? nop : (EARNED.get(name) ?? 0);
      bed.server.rows.set(batch.metadata.uid ?? '', rowsOf(NAME, batch.spec.samples, score));
      await bed.say(batch, BATCH.complete);
    }
  };
  const ready = (status: string) => async (): Promise<boolean> =>
    (await bed.task(NAME))?.status?.conditions?.find(({ type }) => type === 'Ready')?.status ===
    status;
  return worldOf(bed, 8, [
    ['made', () => bed.applyTask(NAME, spec('Do it.')), four],
    ['judged', () => finish(0.1), ready('False')],
    ['changed', () => bed.applyTask(NAME, spec('Do it well.')), four],
    ['judged again', () => finish(0), ready('True')],
  ]);
}

const SCENARIOS: Readonly<Record<string, () => Promise<CrashWorld>>> = {
  BenchRun: benchWorld,
  ClawTask: taskWorld,
};

describe('an operator that dies after and before its writes and is started anew', () => {
  test.each(Object.keys(SCENARIOS))(
    'comes to the same %s',
    async (kind) => {
      const scenario: CrashScenario = {
        open: SCENARIOS[kind] ?? benchWorld,
        ...{ every: EVERY, parallel: 6, stepMs: 60_000 },
      };
      const { writes, fewest, crashes, failures } = await crashAtEveryWrite(scenario);
      expect(failures).toEqual([]);
      expect(writes.length).toBeGreaterThanOrEqual(12);
      const least = Math.floor(fewest / EVERY);
      expect(crashes.after).toBeGreaterThanOrEqual(least);
      expect(crashes.before).toBeGreaterThanOrEqual(least);
    },
    840_000,
  );
});
