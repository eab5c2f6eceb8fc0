import { KubeError } from '../base/kube-error.ts';
import type { IndexFunctions } from './cache.ts';

/** Values of one object under every index function, computed before anything is changed. */
export type IndexValues = ReadonlyMap<string, readonly string[]>;

/** Finds objects by what index functions say of them; kept up to date object by object. */
export class ObjectIndex<T> {
  readonly #functions: IndexFunctions<T>;
  readonly #buckets = new Map<string, Map<string, Map<string, T>>>();

  constructor(functions: IndexFunctions<T>) {
    this.#functions = functions;
    for (const name of Object.keys(functions)) this.#buckets.set(name, new Map());
  }

  /** Throws what an index function throws. */
  valuesOf(object: T): IndexValues {
    return new Map(Object.entries(this.#functions).map(([name, of]) => [name, of(object)]));
  }

  add(key: string, object: T, values: IndexValues): void {
    for (const [name, buckets] of this.#buckets)
      for (const value of values.get(name) ?? []) {
        const bucket = buckets.get(value);
        if (bucket) bucket.set(key, object);
        else buckets.set(value, new Map([[key, object]]));
      }
  }

  remove(key: string, values: IndexValues): void {
    for (const [name, buckets] of this.#buckets)
      for (const value of values.get(name) ?? []) {
        const bucket = buckets.get(value);
        bucket?.delete(key);
        if (bucket?.size === 0) buckets.delete(value);
      }
  }

  /** Objects under `value`. Throws `InvalidConfig` on an index that was not declared. */
  find(name: string, value: string): readonly T[] {
    const buckets = this.#buckets.get(name);
    if (!buckets)
      throw new KubeError(
        'InvalidConfig',
        `cache: no index ${JSON.stringify(name)}; declared are ${[...this.#buckets.keys()].join(', ') || 'none'}: add it to the cache's indexes`,
      );
    return [...(buckets.get(value)?.values() ?? [])];
  }
}
