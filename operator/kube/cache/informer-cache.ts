import { Registry } from 'prom-client';
import type { Clock, Random } from '../base/clock.ts';
import { KubeError } from '../base/kube-error.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { pause } from '../base/waits.ts';
import type { InvalidObject, ResourceClient, Selection } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, keyText, type ObjectKey } from '../objects/object-key.ts';
import type { Cache, CacheChange, CacheHandler, IndexFunctions } from './cache.ts';
import { type CacheMetrics, createCacheMetrics } from './cache-metrics.ts';
import { ObjectStore } from './object-store.ts';
import { runReflector } from './reflector.ts';
import {
  REFLECTOR_NUMBERS,
  type ReflectorContext,
  type ReflectorNumbers,
  type ReflectorTarget,
  WorkSlice,
} from './reflector-context.ts';

export interface CacheOptions<T extends KubeObject> {
  readonly client: ResourceClient<T>;
  readonly selection?: Selection;
  readonly indexes?: IndexFunctions<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** From `createCacheMetrics`, one for all caches of a process. */
  readonly metrics?: CacheMetrics;
  /** Label of metrics and logs; default the plural of the resource. */
  readonly name?: string;
  /**
   * What is kept of an object; default all that the client gave. Must keep apiVersion, kind and the
   * name, namespace, uid and resourceVersion.
   */
  readonly project?: (object: T) => T;
  /** Freeze the objects, so that a reader who changes one fails at once; default true. */
  readonly freeze?: boolean;
  /** Tell every handler of every object again so often, as `updated` from itself; default never. */
  readonly resyncMs?: number;
  /** Told of each object that does not fit its schema; it is counted and logged in any case. */
  readonly onInvalid?: (invalid: InvalidObject) => void;
  /** Told when lists begin to be refused, once until one comes again; must not throw. */
  readonly onRefused?: (error: KubeError) => void;
  readonly numbers?: Partial<ReflectorNumbers>;
  readonly listFrom?: ReflectorContext<T>['listFrom'];
}

/** A cache with the loop that keeps it current. */
export interface InformerCache<T extends KubeObject> extends Cache<T> {
  /** Lists and watches until `signal` aborts, then resolves. May be called once. */
  run(signal: AbortSignal): Promise<void>;
}

/** An empty cache; `run` fills it. */
export function createCache<T extends KubeObject>(options: CacheOptions<T>): InformerCache<T> {
  return new ReflectedCache(options);
}

class ReflectedCache<T extends KubeObject> implements InformerCache<T> {
  readonly selection: Selection;
  readonly #options: CacheOptions<T>;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #metrics: CacheMetrics;
  readonly #numbers: ReflectorNumbers;
  readonly #store: ObjectStore<T>;
  readonly #firstList = Promise.withResolvers<void>();
  readonly #leftOut = new Set<string>();
  readonly #firstAnswer = Promise.withResolvers<void>();
  #handlers: readonly CacheHandler<T>[] = [];
  #resourceVersion: string | undefined;
  #synced = false;
  #listing = false;
  #refused = false;
  #started = false;

  constructor(options: CacheOptions<T>) {
    this.#options = options;
    this.selection = options.selection ?? {};
    this.#name = options.name ?? options.client.resource.plural;
    this.#logger = options.logger ?? silentLogger;
    this.#metrics = options.metrics ?? createCacheMetrics(new Registry());
    this.#numbers = { ...REFLECTOR_NUMBERS, ...options.numbers };
    this.#store = new ObjectStore({
      indexes: options.indexes ?? {},
      freeze: options.freeze ?? true,
    });
  }

  get synced(): boolean {
    return this.#synced;
  }

  get listing(): boolean {
    return this.#listing;
  }

  get leftOut(): readonly string[] {
    return [...this.#leftOut];
  }

  get refused(): boolean {
    return this.#refused;
  }

  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }

  list(): readonly T[] {
    return this.#store.list();
  }

  byIndex(name: string, value: string): readonly T[] {
    return this.#store.byIndex(name, value);
  }

  async whenSynced(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#firstList.promise, signal);
  }

  async whenAnswered(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#firstAnswer.promise, signal);
  }

  subscribe(handler: CacheHandler<T>): () => void {
    const own: CacheHandler<T> = (change) => handler(change);
    for (const object of this.#store.list())
      this.#call(own, { type: 'added', object, initial: true });
    this.#handlers = [...this.#handlers, own];
    return () => {
      this.#handlers = this.#handlers.filter((other) => other !== own);
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    if (this.#started)
      throw new KubeError('InvalidOption', `cache ${this.#name}: it ran already; make another`);
    this.#started = true;
    const { client, clock, listFrom, random } = this.#options;
    const reflector = runReflector(
      {
        name: this.#name,
        client,
        selection: this.selection,
        target: this.#target(),
        clock,
        random,
        logger: this.#logger,
        metrics: this.#metrics,
        numbers: this.#numbers,
        listFrom: listFrom ?? 'newest',
      },
      signal,
    );
    await Promise.all([reflector, this.#resync(signal)]);
  }

  #target(): ReflectorTarget<T> {
    const { project = (object: T) => object } = this.#options;
    return {
      upsert: (object) => {
        const changes = this.#store.upsert(project(object), !this.#synced);
        this.#leftOut.delete(keyText(keyOf(object)));
        this.#tell(changes);
      },
      remove: (key, last) => {
        this.#leftOut.delete(keyText(key));
        this.#tell(this.#store.remove(key, last && this.#lastState(key, last)));
      },
      absentFrom: (present) => this.#store.absentFrom(present),
      listing: () => {
        this.#listing = true;
        this.#leftOut.clear();
      },
      listed: () => {
        this.#listing = false;
        this.#refused = false;
        this.#synced = true;
        this.#firstList.resolve();
        this.#firstAnswer.resolve();
      },
      refused: (error) => {
        if (!this.#refused) this.#options.onRefused?.(error);
        this.#refused = true;
        this.#firstAnswer.resolve();
      },
      advance: (version) => {
        this.#resourceVersion = version;
        this.#metrics.heard(this.#name, this.#options.clock.now());
      },
      invalid: (invalid) => {
        const { event, key } = invalid;
        if (event !== 'DELETED') this.#leftOut.add(key ? keyText(key) : '(unnamed)');
        this.#report(invalid);
      },
    };
  }

  /** Undefined where the projection fails: the deletion counts all the same. */
  #lastState(key: ObjectKey, last: T): T | undefined {
    const { project } = this.#options;
    if (!project) return last;
    try {
      return project(last);
    } catch (cause) {
      const place = `${this.#name}: ${key.namespace ?? ''}/${key.name}`;
      const message = `${place}: a projection of the cache failed: ${String(cause)}`;
      this.#report({
        error: new KubeError('InvalidObject', message, { cause }),
        key,
        resourceVersion: last.metadata.resourceVersion,
        event: 'DELETED',
      });
      return undefined;
    }
  }

  #tell(changes: readonly CacheChange<T>[]): void {
    // Who subscribes meanwhile is told what is there, and must not be told the rest of this as well.
    const handlers = this.#handlers;
    for (const change of changes)
      for (const handler of handlers)
        if (this.#handlers.includes(handler)) this.#call(handler, change);
    if (changes.length > 0) this.#metrics.size(this.#name, this.#store.size);
  }

  #call(handler: CacheHandler<T>, change: CacheChange<T>): void {
    const failed = (error: unknown) => {
      this.#metrics.handlerError(this.#name);
      const { name, namespace } = change.object.metadata;
      this.#logger.error(
        { cache: this.#name, change: change.type, namespace, name, error },
        `cache ${this.#name}: a handler of changes threw`,
      );
    };
    try {
      const result: unknown = handler(change);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #report(invalid: InvalidObject): void {
    this.#metrics.invalidObject(this.#name);
    this.#logger.error(
      { cache: this.#name, ...invalid.key, event: invalid.event, error: invalid.error },
      `cache ${this.#name}: an object is left out: ${invalid.error.message}`,
    );
    try {
      this.#options.onInvalid?.(invalid);
    } catch (error) {
      this.#metrics.handlerError(this.#name);
      this.#logger.error({ cache: this.#name, error }, `cache ${this.#name}: onInvalid threw`);
    }
  }

  async #resync(signal: AbortSignal): Promise<void> {
    const { clock, resyncMs } = this.#options;
    if (resyncMs === undefined) return;
    while (await pause(clock, resyncMs, signal)) {
      const slice = new WorkSlice(clock, this.#numbers.sliceMs);
      for (const object of this.#store.list()) {
        const current = this.#store.get(object.metadata);
        if (current !== object) continue;
        this.#tell([{ type: 'updated', object, previous: object }]);
        if (slice.spent) await slice.turn();
        if (signal.aborted) return;
      }
    }
  }
}

async function unlessAborted(happened: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([happened, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
