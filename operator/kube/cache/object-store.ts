import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, keyText, type ObjectKey } from '../objects/object-key.ts';
import type { CacheChange, IndexFunctions } from './cache.ts';
import { deepFreeze } from './deep-freeze.ts';
import { ObjectIndex } from './object-index.ts';

export interface StoreOptions<T> {
  readonly indexes?: IndexFunctions<T>;
  /** Freeze every object that is kept; default true. */
  readonly freeze?: boolean;
}

/** The last known state of each object, by key and by index. Every change says what changed. */
export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #index: ObjectIndex<T>;
  readonly #freeze: boolean;
  #listed: readonly T[] | undefined;

  constructor(options: StoreOptions<T> = {}) {
    this.#index = new ObjectIndex(options.indexes ?? {});
    this.#freeze = options.freeze ?? true;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyText(key));
  }

  /** All objects; the same array until something changes. */
  list(): readonly T[] {
    this.#listed ??= Object.freeze([...this.#objects.values()]);
    return this.#listed;
  }

  byIndex(name: string, value: string): readonly T[] {
    return this.#index.find(name, value);
  }

  /**
   * Takes a newer state. No change where uid and resourceVersion are those that are kept. A new uid
   * under the same key means that a deletion was missed: first `deleted`, then `added`.
   * Throws what an index function throws, with nothing changed.
   */
  upsert(object: T, initial = false): readonly CacheChange<T>[] {
    const key = keyText(keyOf(object));
    const previous = this.#objects.get(key);
    if (previous && sameState(previous, object)) return [];
    const values = this.#index.valuesOf(object);
    if (previous) this.#index.remove(key, this.#index.valuesOf(previous));
    const kept = this.#freeze ? deepFreeze(object) : object;
    this.#objects.set(key, kept);
    this.#index.add(key, kept, values);
    this.#listed = undefined;
    if (!previous) return [{ type: 'added', object: kept, initial }];
    if (previous.metadata.uid === kept.metadata.uid)
      return [{ type: 'updated', object: kept, previous }];
    return [
      { type: 'deleted', object: previous, finalStateUnknown: true },
      { type: 'added', object: kept, initial },
    ];
  }

  /**
   * Drops an object. `last` is its final state where the deletion was seen; without it the change
   * gives the last known state with `finalStateUnknown`.
   */
  remove(key: ObjectKey, last?: T): readonly CacheChange<T>[] {
    const text = keyText(key);
    const previous = this.#objects.get(text);
    if (!previous) return [];
    this.#objects.delete(text);
    this.#index.remove(text, this.#index.valuesOf(previous));
    this.#listed = undefined;
    if (!last) return [{ type: 'deleted', object: previous, finalStateUnknown: true }];
    const object = this.#freeze ? deepFreeze(last) : last;
    return [{ type: 'deleted', object, finalStateUnknown: false }];
  }

  /** Keys that are kept but are not in `present` (texts of `keyText`). */
  absentFrom(present: ReadonlySet<string>): readonly ObjectKey[] {
    const absent: ObjectKey[] = [];
    for (const [text, object] of this.#objects) if (!present.has(text)) absent.push(keyOf(object));
    return absent;
  }
}

function sameState(left: KubeObject, right: KubeObject): boolean {
  const version = left.metadata.resourceVersion;
  return (
    version !== undefined &&
    version === right.metadata.resourceVersion &&
    left.metadata.uid === right.metadata.uid
  );
}
