import type { Clock } from '../base/clock.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, keyText, type ObjectKey } from '../objects/object-key.ts';
import { compareResourceVersions } from '../objects/resource-version.ts';
import type { Cache } from './cache.ts';

interface Written {
  readonly version: string;
  readonly object: ObjectKey;
}

/**
 * Read your writes (KEP-5647): remembers, for every key that is reconciled, the newest version that
 * was written to the objects of one cache, and says whether the cache has seen it. A reconcile that
 * acted on an older view could create a child twice or overwrite its own status.
 *
 * The entry of a key goes away as soon as the cache has caught up.
 */
export class WrittenVersions<T extends KubeObject> {
  readonly #cache: Cache<T>;
  readonly #written = new Map<string, Written>();

  /** `cache` holds the objects that are written; one WrittenVersions a cache. */
  constructor(cache: Cache<T>) {
    this.#cache = cache;
  }

  /** Keys whose newest write the cache has not been seen to hold. */
  get size(): number {
    return this.#written.size;
  }

  /** After each write: `key` is what is reconciled, `answer` the object as the server gave it back. */
  record(key: ObjectKey, answer: KubeObject): void {
    const { resourceVersion } = answer.metadata;
    if (resourceVersion === undefined) return;
    const text = keyText(key);
    const known = this.#written.get(text);
    if (known && compareResourceVersions(known.version, resourceVersion) >= 0) return;
    this.#written.set(text, { version: resourceVersion, object: keyOf(answer) });
  }

  /** True while the cache may still lack a write that was recorded for `key`. */
  isBehind(key: ObjectKey): boolean {
    const text = keyText(key);
    const written = this.#written.get(text);
    if (!written) return false;
    if (!this.#reached(written)) return true;
    this.#written.delete(text);
    return false;
  }

  /** Waits until the cache has caught up; false where `timeoutMs` passed first. */
  async whenCurrent(
    key: ObjectKey,
    wait: { readonly clock: Clock; readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<boolean> {
    const deadline = wait.clock.monotonic() + wait.timeoutMs;
    while (this.isBehind(key)) {
      const left = deadline - wait.clock.monotonic();
      if (left <= 0) return false;
      await wait.clock.sleep(Math.min(left, POLL_MS), wait.signal);
    }
    return true;
  }

  /** The key is gone: nothing is waited for any more. */
  forget(key: ObjectKey): void {
    this.#written.delete(keyText(key));
  }

  /**
   * The version of the whole cache says it at once; where a selector keeps most events away, the
   * written object itself is there long before the next bookmark. A watch gives objects in the order
   * of their versions, the pages of a list do not: during one the newest write may be there without
   * the writes before it.
   */
  #reached(written: Written): boolean {
    const { listing } = this.#cache;
    const seen = listing ? undefined : this.#cache.get(written.object)?.metadata.resourceVersion;
    return [this.#cache.resourceVersion, seen].some(
      (version) => version !== undefined && compareResourceVersions(version, written.version) >= 0,
    );
  }
}

const POLL_MS = 10;
