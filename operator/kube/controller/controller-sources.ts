import type { Cache, CacheChange } from '../cache/cache.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, type ObjectKey } from '../objects/object-key.ts';
import { controllerOf } from '../objects/owner-references.ts';
import type { Resource } from '../objects/resource.ts';

/** Where a controller learns that a key may need work. */
export interface Source {
  /** For logs: which cache. */
  readonly name: string;
  /** Resolves when everything that exists was told. */
  whenSynced(signal: AbortSignal): Promise<void>;
  /** Tells every key from now on, present objects first; the result ends that. */
  start(enqueue: (key: ObjectKey) => void): () => void;
}

/** Which changes count; undefined means all. Additions and deletions are better let through. */
export type ChangeFilter<T> = (change: CacheChange<T>) => boolean;

/** Keys for an object: those of the owners, of what a label names, or anything else. */
export type KeyMapping<T> = (object: T) => readonly ObjectKey[];

/**
 * Objects of `cache` by any mapping. An update tells the keys of the object before and after, so
 * that the former owner of a child hears of its loss.
 */
export function watchMapped<T extends KubeObject>(
  name: string,
  cache: Cache<T>,
  mapping: KeyMapping<T>,
  filter?: ChangeFilter<T>,
): Source {
  return {
    name,
    whenSynced: async (signal) => cache.whenSynced(signal),
    start: (enqueue) =>
      cache.subscribe((change) => {
        if (filter?.(change) === false) return;
        if (change.type === 'updated') for (const key of mapping(change.previous)) enqueue(key);
        for (const key of mapping(change.object)) enqueue(key);
      }),
  };
}

/** The reconciled objects themselves. */
export function watchObjects<T extends KubeObject>(
  name: string,
  cache: Cache<T>,
  filter?: ChangeFilter<T>,
): Source {
  return watchMapped(name, cache, (object) => [keyOf(object)], filter);
}

/** Children: tells the controlling owner of the kind `owner`, as their owner reference names it. */
export function watchOwned<T extends KubeObject>(
  name: string,
  cache: Cache<T>,
  owner: Pick<Resource<KubeObject>, 'group' | 'kind' | 'namespaced'>,
  filter?: ChangeFilter<T>,
): Source {
  return watchMapped(name, cache, (object) => ownerKeys(object, owner), filter);
}

/** Objects that a label ties to a key of their namespace: the value of the label is its name. */
export function watchLabelled<T extends KubeObject>(
  name: string,
  cache: Cache<T>,
  label: string,
  filter?: ChangeFilter<T>,
): Source {
  return watchMapped(
    name,
    cache,
    ({ metadata }) => {
      const value = metadata.labels?.[label];
      return value === undefined ? [] : [{ namespace: metadata.namespace, name: value }];
    },
    filter,
  );
}

/**
 * Leaves out updates that change nothing but status and managed fields: for controllers whose own
 * status writes would wake them again. Not for resources without `metadata.generation`.
 */
export function specChanges<T extends KubeObject>(change: CacheChange<T>): boolean {
  if (change.type !== 'updated') return true;
  return JSON.stringify(wanted(change.object)) !== JSON.stringify(wanted(change.previous));
}

function wanted({ metadata }: KubeObject): unknown {
  const { uid, generation, deletionTimestamp, labels, annotations, finalizers } = metadata;
  return [uid, generation, deletionTimestamp, labels, annotations, finalizers];
}

/** The version of the owner's API does not count: it may have moved on since. */
function ownerKeys(
  object: KubeObject,
  owner: Pick<Resource<KubeObject>, 'group' | 'kind' | 'namespaced'>,
): readonly ObjectKey[] {
  const reference = controllerOf(object);
  if (reference === undefined || reference.kind !== owner.kind) return [];
  const slash = reference.apiVersion.indexOf('/');
  if (reference.apiVersion.slice(0, Math.max(0, slash)) !== owner.group) return [];
  const { namespace } = object.metadata;
  return [owner.namespaced ? { namespace, name: reference.name } : { name: reference.name }];
}
