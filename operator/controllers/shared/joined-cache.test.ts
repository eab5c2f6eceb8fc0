import { expect, test } from 'vitest';
import type { Cache } from '../../kube/cache/cache.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import { cacheOf, joinCaches } from './joined-cache.ts';

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
