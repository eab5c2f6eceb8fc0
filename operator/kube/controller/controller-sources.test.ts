import { describe, expect, test } from 'vitest';
import { kubeObject } from '../../../test/support/kube-calls.ts';
import type { Cache, CacheChange, CacheHandler } from '../cache/cache.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyText } from '../objects/object-key.ts';
import { controllerRef } from '../objects/owner-references.ts';
import {
  type Source,
  specChanges,
  watchLabelled,
  watchMapped,
  watchObjects,
  watchOwned,
} from './controller-sources.ts';

/** A cache of which only the subscription counts. */
function setup() {
  const handlers = new Set<CacheHandler<KubeObject>>();
  const cache = {
    subscribe: (handler: CacheHandler<KubeObject>) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  } as unknown as Cache<KubeObject>;
  const tell = (change: CacheChange<KubeObject>): void => {
    for (const handler of handlers) handler(change);
  };
  const keysOf = (source: Source, ...changes: CacheChange<KubeObject>[]): string[] => {
    const keys: string[] = [];
    const stop = source.start((key) => keys.push(keyText(key)));
    for (const change of changes) tell(change);
    stop();
    expect(handlers.size).toBe(0);
    return keys;
  };
  return { cache, keysOf };
}

const added = (object: KubeObject): CacheChange<KubeObject> => ({
  type: 'added',
  object,
  initial: false,
});
const updated = (previous: KubeObject, object: KubeObject): CacheChange<KubeObject> => ({
  type: 'updated',
  object,
  previous,
});
const deleted = (object: KubeObject): CacheChange<KubeObject> => ({
  type: 'deleted',
  object,
  finalStateUnknown: true,
});

const echo: KubeObject = {
  apiVersion: 'test.example.com/v1',
  kind: 'Echo',
  metadata: { name: 'owner', namespace: 'ns', uid: 'uid-owner' },
};
const echoes = { group: 'test.example.com', kind: 'Echo', namespaced: true };
const child = (owner: KubeObject) =>
  kubeObject('child', { ownerReferences: [controllerRef(owner)] });

test('objects tell their own key at every change', () => {
  const { cache, keysOf } = setup();
  const object = kubeObject('a');
  expect(
    keysOf(watchObjects('a', cache), added(object), updated(object, object), deleted(object)),
  ).toEqual(['ns/a', 'ns/a', 'ns/a', 'ns/a']);
});

describe('children', () => {
  test('tell their controller, also the former one and after their deletion', () => {
    const { cache, keysOf } = setup();
    const other = { ...echo, metadata: { ...echo.metadata, name: 'other' } };
    const source = watchOwned('children', cache, echoes);
    expect(keysOf(source, added(child(echo)))).toEqual(['ns/owner']);
    expect(keysOf(source, deleted(child(echo)))).toEqual(['ns/owner']);
    expect(keysOf(source, updated(child(echo), child(other)))).toEqual(['ns/owner', 'ns/other']);
    expect(keysOf(source, updated(child(echo), kubeObject('child')))).toEqual(['ns/owner']);
  });

  test.each<[string, Partial<KubeObject>, string[]]>([
    ['another version of its API', { apiVersion: 'test.example.com/v2' }, ['ns/owner']],
    ['another group', { apiVersion: 'other.example.com/v1' }, []],
    ['the core group', { apiVersion: 'v1' }, []],
    ['another kind', { kind: 'Other' }, []],
  ])('of an owner with %s', (_name, change, keys) => {
    const { cache, keysOf } = setup();
    const owner = { ...echo, ...change };
    expect(keysOf(watchOwned('children', cache, echoes), added(child(owner)))).toEqual(keys);
  });

  test('of a cluster-scoped owner tell its name alone', () => {
    const { cache, keysOf } = setup();
    const source = watchOwned('children', cache, { ...echoes, namespaced: false });
    expect(keysOf(source, added(child(echo)))).toEqual(['owner']);
  });
});

test('a label names a key of the same namespace', () => {
  const { cache, keysOf } = setup();
  const source = watchLabelled('labelled', cache, 'x.io/batch');
  expect(keysOf(source, added(kubeObject('a', { labels: { 'x.io/batch': 'b' } })))).toEqual([
    'ns/b',
  ]);
  expect(keysOf(source, added(kubeObject('a')))).toEqual([]);
});

test('a mapping may tell any keys', () => {
  const { cache, keysOf } = setup();
  const source = watchMapped('any', cache, () => [{ name: 'x' }, { namespace: 'n', name: 'y' }]);
  expect(keysOf(source, added(kubeObject('a')))).toEqual(['x', 'n/y']);
});

describe('specChanges', () => {
  const before = kubeObject('a', { generation: 1, labels: { a: '1' } });
  test.each<[string, Partial<KubeObject['metadata']>, boolean]>([
    ['the version alone', { resourceVersion: '8' }, false],
    ['the generation', { generation: 2 }, true],
    ['a label', { labels: { a: '2' } }, true],
    ['an annotation', { annotations: { a: '2' } }, true],
    ['a finalizer', { finalizers: ['x/y'] }, true],
    ['the deletion', { deletionTimestamp: 'now' }, true],
    ['the uid', { uid: 'another' }, true],
  ])('an update of %s counts: %s', (_name, change, counts) => {
    const object = { ...before, metadata: { ...before.metadata, ...change } };
    expect(specChanges(updated(before, object))).toBe(counts);
  });

  test('additions and deletions count', () => {
    expect([specChanges(added(before)), specChanges(deleted(before))]).toEqual([true, true]);
  });

  test('filters a source', () => {
    const { cache, keysOf } = setup();
    const status = { ...before, metadata: { ...before.metadata, resourceVersion: '9' } };
    const source = watchObjects('a', cache, specChanges);
    expect(keysOf(source, added(before), updated(before, status))).toEqual(['ns/a']);
  });
});
