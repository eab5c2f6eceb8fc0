import type { Cache, CacheHandler } from '../../kube/cache/cache.ts';
import type { Selection } from '../../kube/client/resource-client.ts';
import type { ReadGate } from '../../kube/controller/reconcile.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import { compareResourceVersions } from '../../kube/objects/resource-version.ts';

/**
 * Caches of one resource in several namespaces as one: an operator that may not list the whole cluster
 * watches each of its namespaces.
 */
export function joinCaches<T extends KubeObject>(
  byNamespace: ReadonlyMap<string, Cache<T>>,
): Cache<T> {
  const caches = [...byNamespace.values()];
  const [only] = caches;
  return caches.length === 1 && only !== undefined ? only : new JoinedCache(byNamespace);
}

/**
 * The part of a cache that holds a namespace: its version moves with what happens there, while that of
 * joined caches stays behind with the quietest of them.
 */
export function cacheOf<T extends KubeObject>(
  cache: Cache<T>,
  namespace: string | undefined,
): Cache<T> {
  return isJoined(cache) ? (cache.part(namespace) ?? cache) : cache;
}

/**
 * Holds back keys of a namespace that refuses the lists of a cache: where Jobs or pods are not seen,
 * nothing says that they are gone.
 */
export function refusedGate<T extends KubeObject>(cache: Cache<T>): ReadGate {
  return { isBehind: ({ namespace }) => cacheOf(cache, namespace).refused };
}

function isJoined<T extends KubeObject>(cache: Cache<T>): cache is JoinedCache<T> {
  return cache instanceof JoinedCache;
}

class JoinedCache<T extends KubeObject> implements Cache<T> {
  readonly selection: Selection;
  readonly #byNamespace: ReadonlyMap<string, Cache<T>>;
  readonly #caches: readonly Cache<T>[];

  constructor(byNamespace: ReadonlyMap<string, Cache<T>>) {
    this.#byNamespace = byNamespace;
    this.#caches = [...byNamespace.values()];
    const { namespace: _one, ...selection } = this.#caches[0]?.selection ?? {};
    this.selection = selection;
  }

  part(namespace: string | undefined): Cache<T> | undefined {
    return this.#byNamespace.get(namespace ?? '');
  }

  get(key: ObjectKey): T | undefined {
    return this.#byNamespace.get(key.namespace ?? '')?.get(key);
  }

  list(): readonly T[] {
    return this.#caches.flatMap((cache) => cache.list());
  }

  byIndex(name: string, value: string): readonly T[] {
    return this.#caches.flatMap((cache) => cache.byIndex(name, value));
  }

  /**
   * A namespace that refuses its list, since it or the Role in it is gone, holds up no other. Where all
   * refuse, nothing can be served: that is no sync.
   */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all([
      Promise.race(this.#caches.map(async (cache) => cache.whenSynced(signal))),
      this.whenAnswered(signal),
    ]);
  }

  get synced(): boolean {
    const answering = this.#answering;
    return answering.length > 0 && answering.every((cache) => cache.synced);
  }

  async whenAnswered(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#caches.map(async (cache) => cache.whenAnswered(signal)));
  }

  /** Everywhere; a single namespace says it of its own part. */
  get refused(): boolean {
    return this.#answering.length === 0;
  }

  get listing(): boolean {
    return this.#answering.some((cache) => cache.listing);
  }

  get leftOut(): readonly string[] {
    return this.#caches.flatMap(({ leftOut }) => leftOut);
  }

  /** The oldest: all that answer are at least there. */
  get resourceVersion(): string | undefined {
    let oldest: string | undefined;
    for (const { resourceVersion } of this.#answering) {
      if (resourceVersion === undefined) return undefined;
      if (oldest === undefined || compareResourceVersions(resourceVersion, oldest) < 0)
        oldest = resourceVersion;
    }
    return oldest;
  }

  get #answering(): readonly Cache<T>[] {
    return this.#caches.filter((cache) => !cache.refused);
  }

  subscribe(handler: CacheHandler<T>): () => void {
    const ends = this.#caches.map((cache) => cache.subscribe(handler));
    return () => {
      for (const end of ends) end();
    };
  }
}
