import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Random } from '../base/clock.ts';
import type { KubeError } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import type { InvalidObject, ResourceClient, Selection } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import type { ObjectKey } from '../objects/object-key.ts';
import { type BackoffNumbers, REFLECTOR_BACKOFF } from './backoff.ts';
import type { CacheMetrics } from './cache-metrics.ts';

/** Where a reflector puts what it hears. None of these may throw, save `upsert`. */
export interface ReflectorTarget<T extends KubeObject> {
  /** Throws where the object cannot be taken (an index function or projection failed). */
  upsert(object: T): void;
  /** `last` is the final state; without it the deletion itself was missed. */
  remove(key: ObjectKey, last?: T): void;
  /** Keys that are kept but are not in `present`. */
  absentFrom(present: ReadonlySet<string>): readonly ObjectKey[];
  /** A list begins; `listed` follows, possibly after further tries. */
  listing(): void;
  /** A whole list is in. */
  listed(resourceVersion: string): void;
  /** The API server refused a list; the next try follows. */
  refused(error: KubeError): void;
  /** Everything up to this version is in. */
  advance(resourceVersion: string): void;
  invalid(invalid: InvalidObject): void;
}

/** Numbers of one reflector; tests and benchmarks with many faults a second choose smaller ones. */
export interface ReflectorNumbers {
  readonly backoff: BackoffNumbers;
  /** Objects a page. */
  readonly pageSize: number;
  /** The server ends a watch after a random time in this range, in seconds. */
  readonly watchSeconds: readonly [number, number];
  /** A watch without event or bookmark for so long is dead: bookmarks come about once a minute. */
  readonly inactivityMs: number;
  /** A watch that lived longer was healthy: the back-off begins anew. */
  readonly healthyAfterMs: number;
  /**
   * So was one that brought so many events, however short it was. The server ends the watch of a client
   * that falls behind in a burst, when its buffer (10 events at least) is full: to wait ever longer
   * then would leave the cache blind for a minute while there is most to see.
   */
  readonly healthyAfterEvents: number;
  /** Failures in a row, other than of the connection, after which the objects are listed anew. */
  readonly relistAfterFailures: number;
  /** Work done in one go before other work gets its turn. */
  readonly sliceMs: number;
}

export const REFLECTOR_NUMBERS: ReflectorNumbers = {
  backoff: REFLECTOR_BACKOFF,
  pageSize: 500,
  watchSeconds: [300, 600],
  inactivityMs: 100_000,
  healthyAfterMs: 5_000,
  healthyAfterEvents: 10,
  relistAfterFailures: 5,
  sliceMs: 10,
};

/** All that the list and the watch of one reflector share. */
export interface ReflectorContext<T extends KubeObject> {
  readonly name: string;
  readonly client: ResourceClient<T>;
  readonly selection: Selection;
  readonly target: ReflectorTarget<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: CacheMetrics;
  readonly numbers: ReflectorNumbers;
  /**
   * `newest`: every list is paged and consistent. `server-cache`: the first list takes what the
   * server has in memory (version 0) and later ones at least what was seen, as client-go does; the
   * server then answers in one piece, whatever the page size.
   */
  readonly listFrom: 'newest' | 'server-cache';
}

/** Gives other work its turn when a run of events or objects took longer than a slice. */
export class WorkSlice {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #since: number;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#since = clock.monotonic();
  }

  get spent(): boolean {
    return this.#clock.monotonic() - this.#since >= this.#limitMs;
  }

  async turn(): Promise<void> {
    await nextTurn();
    this.#since = this.#clock.monotonic();
  }
}
