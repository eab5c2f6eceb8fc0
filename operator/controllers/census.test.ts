import { expect, it } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import type { LivingBody } from '../../src/protocol/operator-api.ts';
import { keepingLogger } from '../../test/support/keeping-logger.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { Cache } from '../kube/cache/cache.ts';
import type { KubeObject } from '../kube/objects/kube-object.ts';
import type { BenchRun } from './benchrun/kinds.ts';
import { Census, whatIsNamed } from './census.ts';
import { joinCaches } from './shared/joined-cache.ts';
import type { ClawTask, RolloutBatch, SynthesisJob, TrainingRun } from './shared/kinds.ts';

const digest = (text: string): string => sha256(text);

const batch = (name: string, more: object = {}): RolloutBatch =>
  ({
    metadata: { name, namespace: 'team-a', uid: `uid-${name}` },
    spec: { tasks: {} },
    ...more,
  }) as unknown as RolloutBatch;

const bench = {
  metadata: { name: 'bench', namespace: 'team-a' },
  spec: {
    tasks: { digest: digest('set') },
    arms: [{ name: 'a', model: { name: 'm', artifact: `sha256:${digest('arm model')}` } }],
  },
  status: {
    results: { digest: digest('results') },
    arms: [{ name: 'a', rolloutBatchName: 'gone' }, { name: 'b' }],
  },
} as unknown as BenchRun;

const task = { metadata: { name: 't' }, spec: { taskSetRef: { digest: digest('task') } } };

const cacheOf = <T extends KubeObject>(objects: readonly T[]) => ({
  list: () => objects,
  synced: true,
  listing: false,
  leftOut: [] as readonly string[],
});

function census(
  over: {
    readonly listing?: boolean;
    readonly leftOut?: readonly string[];
    readonly fail?: () => void;
  } = {},
) {
  const told: LivingBody[] = [];
  const clock = new ManualClock();
  const logged: string[] = [];
  const { listing = false, leftOut = [] } = over;
  const batches = { ...cacheOf([batch('one')]), listing, leftOut };
  const options = {
    server: {
      living: async (body: LivingBody) => {
        over.fail?.();
        told.push(body);
      },
    },
    batches: batches as unknown as Cache<RolloutBatch>,
    benches: cacheOf([bench]) as unknown as Cache<BenchRun>,
    tasks: cacheOf([]) as unknown as Cache<ClawTask>,
    synthesis: cacheOf([]) as unknown as Cache<SynthesisJob>,
    trainings: cacheOf([]) as unknown as Cache<TrainingRun>,
    namespaces: ['team-a'],
    clock,
    logger: keepingLogger(logged),
  };
  return { census: new Census(options), told, clock, batches, logged };
}

it('names batches by uid, batches of benches by name, and every digest of specs and statuses', () => {
  const status = { taskSet: digest('frozen'), results: { digest: 'not a digest' } };
  const one = batch('one', { status });
  const made = {
    metadata: { name: 'made', uid: 'uid-made' },
    spec: { novelty: { against: [{ digest: digest('against') }, { path: 'x' }] } },
    status: { taskSet: digest('accepted') },
  } as unknown as SynthesisJob;
  const tasks = [task as unknown as ClawTask];
  const model = { name: 'm', artifact: `sha256:${digest('model')}` };
  const two = batch('two', { spec: { tasks: {}, model } });
  const trained = {
    metadata: { name: 'run', uid: 'uid-run' },
    spec: {
      base: { artifact: `sha256:${digest('base')}` },
      data: { artifact: `sha256:${digest('export')}` },
    },
    status: { model: { digest: digest('trained') } },
  } as unknown as TrainingRun;
  const objects = { batches: [one, two], benches: [bench], tasks };
  expect(whatIsNamed({ ...objects, synthesis: [made], trainings: [trained] })).toEqual({
    batches: ['uid-one', 'uid-two'],
    named: [{ namespace: 'team-a', name: 'gone' }],
    synthesis: ['uid-made'],
    trainings: ['uid-run'],
    digests: [
      ...['frozen', 'set', 'results', 'model', 'arm model', 'task', 'against', 'accepted'],
      ...['base', 'export', 'trained'],
    ].map(digest),
  });
});

it('tells nothing while a list is not whole', async () => {
  const it = census({ listing: true });
  expect(await it.census.tell(new AbortController().signal)).toBe(false);
  expect(it.told).toEqual([]);
});

it('tells nothing while an object cannot be read, and says which one', async () => {
  const it = census({ leftOut: ['team-a/odd'] });
  expect(await it.census.tell(new AbortController().signal)).toBe(false);
  expect(it.told).toEqual([]);
  expect(it.logged.join()).toContain('team-a/odd');
});

it.each([
  ['one', ['team-b'], [{ namespaces: ['team-a'], unlisted: ['team-b'] }]],
  ['each', ['team-a', 'team-b'], []],
])('claims nothing of a namespace that refuses its list: %s of two', async (_, refusing, told) => {
  const namespaces = ['team-a', 'team-b'];
  const joined = <T extends KubeObject>(objects: readonly T[]) =>
    joinCaches(
      new Map(
        namespaces.map((namespace) => {
          const refused = refusing.includes(namespace);
          const own = objects.filter(({ metadata }) => metadata.namespace === namespace);
          const state = { ...cacheOf(own), synced: !refused, listing: refused, refused };
          return [namespace, { ...state, selection: {} } as unknown as Cache<T>];
        }),
      ),
    );
  const heard: LivingBody[] = [];
  const partial = new Census({
    server: { living: async (body: LivingBody) => void heard.push(body) },
    batches: joined([batch('one')]),
    benches: joined([bench]),
    tasks: joined<ClawTask>([]),
    synthesis: joined<SynthesisJob>([]),
    trainings: joined<TrainingRun>([]),
    namespaces,
    clock: new ManualClock(),
    logger: keepingLogger([]),
  });
  expect(await partial.tell(new AbortController().signal)).toBe(told.length > 0);
  expect(heard).toMatchObject(told);
});

it('tells at once, every ten minutes, and sooner where the server was away', async () => {
  let away = true;
  const it = census({
    fail: () => {
      if (away) throw new Error('away');
    },
  });
  const stop = new AbortController();
  const running = it.census.run(stop.signal);
  await expect.poll(() => it.clock.sleeping).toBe(1);
  expect(it.told).toEqual([]);
  away = false;
  it.clock.advance(30_000);
  await expect.poll(() => it.told.length).toBe(1);
  expect(it.told[0]).toMatchObject({ namespaces: ['team-a'], batches: ['uid-one'] });
  await expect.poll(() => it.clock.sleeping).toBe(1);
  it.clock.advance(30_000);
  expect(it.told).toHaveLength(1);
  it.clock.advance(10 * 60_000);
  await expect.poll(() => it.told.length).toBe(2);
  stop.abort();
  await running;
});
