import { describe, expect, it, test } from 'vitest';
import { page } from '../../../test/support/config-maps.ts';
import { ScriptedCache, settle } from '../../../test/support/scripted-cache.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import { cacheOf, joinCaches, refusedGate } from './joined-cache.ts';

const part = (resourceVersion: string | undefined, listing = false) =>
  ({ resourceVersion, listing, selection: {} }) as Cache<KubeObject>;

test('a busy namespace has its own version, whatever an idle one has', () => {
  const joined = joinCaches(
    new Map([
      ['busy', part('900')],
      ['idle', part('7')],
      ['new', part(undefined, true)],
    ]),
  );
  expect(cacheOf(joined, 'busy')).toMatchObject({ resourceVersion: '900', listing: false });
  expect(cacheOf(joined, 'idle').resourceVersion).toBe('7');
  expect(cacheOf(joined, 'new')).toMatchObject({ resourceVersion: undefined, listing: true });
  expect(joined.resourceVersion).toBe(undefined);
});

test('of all of them the oldest holds', () => {
  const parts = new Map([
    ['busy', part('900')],
    ['idle', part('1000')],
  ]);
  expect(joinCaches(parts).resourceVersion).toBe('900');
});

test('what one of them left out, all of them lack', () => {
  const parts = new Map([
    ['one', { ...part('1'), leftOut: [] }],
    ['two', { ...part('2'), leftOut: ['two/odd'] }],
  ]);
  expect(joinCaches<KubeObject>(parts).leftOut).toEqual(['two/odd']);
});

test('a cache of the whole cluster is its own part', () => {
  const all = part('5');
  expect(cacheOf(all, 'any')).toBe(all);
});

describe('a namespace that cannot be listed', () => {
  const forbidden = new KubeError('Forbidden', 'you may not list');
  const lost = new KubeError('ConnectionFailed', 'no way');

  /** Two namespaces whose first lists end as said, and whether their join came to be synced. */
  async function joined(a: KubeError | undefined, b: KubeError | undefined) {
    const refusals: string[] = [];
    const scripted = [a, b].map((error) => {
      const one = new ScriptedCache({ onRefused: ({ code }) => void refusals.push(code) });
      one.client.lists.push([error ?? page('10')]);
      return one;
    });
    const [one, two] = scripted as [ScriptedCache, ScriptedCache];
    const cache = joinCaches(
      new Map([
        ['a', one.cache],
        ['b', two.cache],
      ]),
    );
    const end = new AbortController();
    let synced = false;
    const waited = cache.whenSynced(end.signal).then(
      () => {
        synced = true;
      },
      () => undefined,
    );
    for (const each of scripted) await each.start();
    await settle();
    const stop = async () => {
      end.abort(new Error('over'));
      await waited;
      for (const each of scripted) await each.stop();
    };
    return { cache, two, refusals, isSynced: () => synced, stop };
  }

  it.each<[string, KubeError | undefined, KubeError | undefined, boolean]>([
    ['one is forbidden', undefined, forbidden, true],
    ['one is not found', undefined, new KubeError('NotFound', 'gone'), true],
    ['one is not reached', undefined, lost, false],
    ['every one is forbidden', forbidden, forbidden, false],
  ])('%s', async (_, a, b, synced) => {
    const it = await joined(a, b);
    expect([it.isSynced(), it.cache.synced]).toEqual([synced, synced]);
    await it.stop();
  });

  it('leaves the version of the others known, holds back its own keys, and comes back', async () => {
    const { cache, two, refusals, stop } = await joined(undefined, forbidden);
    const gate = refusedGate(cache);
    const behind = () => ['a', 'b'].map((namespace) => gate.isBehind({ namespace, name: 'x' }));
    expect([cache.listing, cache.resourceVersion, behind()]).toEqual([false, '10', [false, true]]);
    await two.advance(60_000);
    expect(refusals).toEqual(['Forbidden']);
    two.client.lists.push([page('11')]);
    for (let tries = 0; tries < 3; tries += 1) await two.advance(60_000);
    expect([cacheOf(cache, 'b').synced, cache.synced, behind()]).toEqual([
      true,
      true,
      [false, false],
    ]);
    await stop();
  });
});
