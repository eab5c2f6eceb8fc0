import { beforeAll, expect, test } from 'vitest';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { type CrashWorld, crashAtEveryWrite } from '../support/crash-harness.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { normalObject } from '../support/normal-object.ts';

const cluster = layerCluster();
const NAME = 'demo';
const SAMPLES = 3;
/** A third of the writes is enough for every day; the claim asks for all: CLAWGYM_CRASH_EVERY=1. */
const EVERY = Number(process.env['CLAWGYM_CRASH_EVERY'] ?? '3');

beforeAll(async () => installCrds(cluster), 120_000);

/** A life of one batch: made, suspended while it runs, resumed, complete, deleted. */
async function open(): Promise<CrashWorld> {
  const bed = await BatchBed.open(cluster.kubeconfigPath, { script: () => 'hang' });
  let uid = '';
  const observe = async (): Promise<unknown> => {
    const batch = await bed.get(NAME);
    const { conditions = [], progress, taskSet, results, attempts } = batch?.status ?? {};
    const said = conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
    return normalObject(
      {
        there: batch !== undefined,
        ...{ said: said.toSorted(), progress, taskSet, results, attempts },
        store: bed.server.summary(uid),
        // Every pod that claimed a row is one attempt, whoever was told of it how often.
        counted: uid === '' || batch === undefined ? [] : bed.server.attempts(uid),
      },
      {},
    );
  };
  const is = (type: string, words: string) => async () =>
    (await bed.condition(NAME, type)) === words;
  const running = async (): Promise<boolean> => {
    const pods = await bed.pods();
    const own = pods.filter(({ status }) => status?.phase === 'Running');
    if (own.length > 2) throw new Error(`${own.length} pods at once, parallelism is 2`);
    return own.length === 2 && (await is('Progressing', 'True Running')());
  };
  const step = (name: string, act: () => Promise<unknown>, settled: () => Promise<boolean>) => ({
    ...{ name, settled, observe },
    act: async () => void (await act()),
  });
  return {
    transport: bed.transport,
    steps: [
      step(
        'made',
        async () => {
          const spec = { samples: SAMPLES, parallelism: 2 };
          uid = (await bed.create(NAME, spec)).metadata.uid ?? '';
        },
        running,
      ),
      step(
        'suspended',
        () => bed.change(NAME, { suspend: true }),
        async () =>
          (await is('Suspended', 'True SuspendRequested')()) && (await bed.jobs()).length === 0,
      ),
      step(
        'resumed, to its end',
        async () => {
          bed.script = () => 'work';
          await bed.change(NAME, { suspend: false });
        },
        async () => (await is('Complete', 'True AllDecided')()) && (await bed.jobs()).length === 0,
      ),
      step(
        'deleted',
        () => bed.remove(NAME, 'Foreground'),
        async () => (await bed.get(NAME)) === undefined && (await bed.pods()).length === 0,
      ),
    ],
    run: async (transport, signal) => {
      const end = await bed.run(transport, signal);
      if (end.reason === 'failed') throw end.error;
    },
    close: () => bed[Symbol.asyncDispose](),
  };
}

test('an operator that dies after and before its writes: same objects, same rows, no attempt counted twice', async () => {
  const { writes, fewest, crashes, failures } = await crashAtEveryWrite({
    ...{ open, stepMs: 90_000, parallel: 8, every: EVERY },
  });
  expect(failures).toEqual([]);
  expect(writes.length).toBeGreaterThanOrEqual(12);
  const least = Math.floor(fewest / EVERY);
  expect(crashes.after).toBeGreaterThanOrEqual(least);
  expect(crashes.before).toBeGreaterThanOrEqual(least);
}, 2_400_000);

test('two operators at once make no Job twice and count no attempt twice', async () => {
  await using bed = await BatchBed.open(cluster.kubeconfigPath);
  await using _one = bed.start();
  await using _two = bed.start();
  const made = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => bed.create(name, { samples: 4, parallelism: 2 })),
  );
  for (const { metadata } of made) {
    await expect
      .poll(() => bed.complete(metadata.name), { timeout: 60_000, interval: 50 })
      .toBe(true);
    const uid = metadata.uid ?? '';
    expect(bed.server.attempts(uid)).toEqual([1, 1, 1, 1]);
    const names = bed.server.jobsOf(uid).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name.includes('-r1-'))).toHaveLength(1);
  }
});
