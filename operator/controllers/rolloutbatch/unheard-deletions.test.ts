import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { batchOf } from '../../../test/support/run-objects.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import { silentLogger } from '../../kube/base/logger.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import type { Selection } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { UnheardDeletions } from './unheard-deletions.ts';

type Batches = Readonly<Record<string, string>>;

/**
 * Uids by name: what the server goes on with, what the cache holds and what is there. A batch whose list
 * is to fail is there with `fails`.
 */
function setUp(world: {
  open: Batches;
  cached?: Batches;
  there?: Batches;
  namespaces?: readonly string[];
}) {
  const warned: unknown[] = [];
  const cancelled: string[] = [];
  const listed: string[] = [];
  const { open, cached = {}, there = {} } = world;
  const refused: { server: Error | undefined } = { server: undefined };
  const object = (name: string, uid: string) => batchOf(name, {}, {}, { uid });
  const client = {
    for: () => ({
      list: async ({ namespace, fieldSelector = '' }: Selection) => {
        const name = fieldSelector.replace('metadata.name=', '');
        listed.push(`${namespace}/${name}`);
        const uid = there[name];
        if (uid === 'fails') throw new KubeError('ConnectionFailed', 'no way');
        if (uid === 'forbidden') throw new KubeError('Forbidden', 'you may not');
        return { items: uid === undefined ? [] : [object(name, uid)], resourceVersion: '1' };
      },
    }),
  };
  const batches = {
    whenSynced: async () => undefined,
    get: ({ name }: ObjectKey) => cached[name] && object(name, cached[name]),
  };
  const clock = new ManualClock();
  const looks: number[] = [];
  const unheard = new UnheardDeletions({
    client: client as unknown as KubeClient,
    batches: batches as unknown as Cache<RolloutBatch>,
    server: {
      openBatches: async () => {
        looks.push(clock.monotonic());
        if (refused.server !== undefined) throw refused.server;
        return Object.entries(open).map(([text, uid]) => {
          const [name = '', namespace = 'team'] = text.split('@');
          return { uid, namespace, name };
        });
      },
      cancel: async (uid, reason) => void cancelled.push(`${uid} ${reason}`),
    },
    namespaces: world.namespaces,
    clock,
    logger: { ...silentLogger, warn: (fields: object) => void warned.push(fields) },
  });
  return {
    warned,
    cancelled,
    clock,
    listed,
    looks,
    refused,
    unheard,
  };
}

const { signal } = new AbortController();
const START = new ManualClock().now();

test.each<[string, Parameters<typeof setUp>[0], readonly string[]]>([
  ['none where it is gone', { open: { a: 'u1' } }, ['u1 Deleted']],
  ['none where another has its name', { open: { a: 'u1' }, there: { a: 'u2' } }, ['u1 Deleted']],
  ['the batch where the cache is behind', { open: { a: 'u1' }, there: { a: 'u1' } }, []],
  [
    'what the others are where one cannot be asked for',
    { open: { a: 'u1', b: 'u2' }, there: { a: 'fails' } },
    ['u2 Deleted'],
  ],
])('the API server shows %s', async (_, world, told) => {
  const { cancelled, unheard } = setUp(world);
  const fails = Object.values(world.there ?? {}).includes('fails');
  expect(await unheard.look(signal)).toBe(!fails);
  expect(cancelled).toEqual(told);
});

test('a namespace that may not be listed is asked once a look, ends nothing and hastens nothing', async () => {
  const open = { 'a@lost': 'u1', 'b@lost': 'u2', c: 'u3' };
  const { cancelled, listed, unheard } = setUp({ open, there: { a: 'forbidden', b: 'forbidden' } });
  expect(await unheard.look(signal)).toBe(true);
  expect(listed).toEqual(['lost/a', 'team/c']);
  expect(cancelled).toEqual(['u3 Deleted']);
});

test('a namespace that refuses its list is told of once, and again where it did so anew', async () => {
  const there: Record<string, string> = { a: 'forbidden' };
  const { unheard, warned } = setUp({ open: { 'a@lost': 'u1' }, there });
  for (let times = 0; times < 3; times += 1) await unheard.look(signal);
  expect(warned).toEqual([{ namespaces: ['lost'] }]);
  there['a'] = 'u1';
  await unheard.look(signal);
  there['a'] = 'forbidden';
  await unheard.look(signal);
  expect(warned).toHaveLength(2);
});

test('a namespace that is not served any more is not asked, told of or ended', async () => {
  const { cancelled, listed, unheard, warned } = setUp({
    open: { 'a@left': 'u1', 'b@team': 'u2' },
    there: { a: 'forbidden' },
    namespaces: ['team'],
  });
  expect(await unheard.look(signal)).toBe(true);
  expect([listed, cancelled, warned]).toEqual([['team/b'], ['u2 Deleted'], []]);
});

test('what the cache holds is not asked for', async () => {
  const { cancelled, listed, unheard } = setUp({ open: { a: 'u1' }, cached: { a: 'u1' } });
  expect(await unheard.look(signal)).toBe(true);
  expect([listed, cancelled]).toEqual([[], []]);
});

test('looks at once, soon again where the server is away, then every ten minutes', async () => {
  const { cancelled, clock, looks, refused, unheard } = setUp({ open: { a: 'u1' } });
  refused.server = new Error('away');
  const stop = new AbortController();
  const running = unheard.run(stop.signal);
  await expect.poll(() => looks).toEqual([START]);
  refused.server = undefined;
  await expect.poll(() => clock.sleeping).toBe(1);
  clock.advance(15_000);
  await expect.poll(() => cancelled).toEqual(['u1 Deleted']);
  await expect.poll(() => clock.sleeping).toBe(1);
  clock.advance(599_999);
  expect(looks).toHaveLength(2);
  clock.advance(1);
  await expect.poll(() => looks).toEqual([START, START + 15_000, START + 615_000]);
  stop.abort();
  await running;
});
