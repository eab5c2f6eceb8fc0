import type { Clock } from '../base/clock.ts';
import { DelayHeap } from './delay-heap.ts';
import { Fifo } from './fifo.ts';
import { defaultRateLimiter, type RateLimiter } from './rate-limiter.ts';

/** Timers are never set further ahead, so a jump of the clock costs at most this much. */
const MAX_SLEEP_MS = 10_000;

/** Told of every step of a queue; times are in milliseconds. */
export interface QueueObserver {
  added(): void;
  retried(): void;
  /** A key was taken after it waited in the queue. */
  taken(waitedMs: number): void;
  done(workedMs: number): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Default: client-go's numbers. */
  readonly rateLimiter?: RateLimiter;
  readonly observer?: QueueObserver;
}

/** Work in progress, in milliseconds. */
export interface Unfinished {
  readonly totalMs: number;
  readonly longestMs: number;
}

interface Waiter {
  resolve(key: string | undefined): void;
}

/**
 * Keys that need work, each at most once. A key is never handed out twice at the same time: added
 * while somebody works on it, it comes again after `done`. No add is lost. The order is first come,
 * first served.
 *
 * @example
 * for (let key = await queue.get(signal); key !== undefined; key = await queue.get(signal)) {
 *   try { await work(key); queue.forget(key); } catch { queue.addRateLimited(key); }
 *   finally { queue.done(key); }
 * }
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter;
  readonly #observer: QueueObserver | undefined;
  readonly #queue = new Fifo<string>();
  /** Keys that need work, with the moment of their first add; queued unless in `#processing`. */
  readonly #dirty = new Map<string, number>();
  readonly #processing = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();
  readonly #delayed = new DelayHeap();
  readonly #drained = new Set<() => void>();
  #timer: { readonly until: number; readonly stop: AbortController } | undefined;
  #shuttingDown = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#limiter = options.rateLimiter ?? defaultRateLimiter(options.clock);
    this.#observer = options.observer;
  }

  /** Keys that wait for a worker; delayed ones do not count. */
  get length(): number {
    return this.#queue.length;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  get shuttingDown(): boolean {
    return this.#shuttingDown;
  }

  /** Ignored once the queue shuts down. */
  add(key: string): void {
    if (this.#shuttingDown || this.#dirty.has(key)) return;
    this.#dirty.set(key, this.#clock.monotonic());
    this.#observer?.added();
    if (!this.#processing.has(key)) this.#offer(key);
  }

  /** Adds the key after `ms`; of several calls the earliest moment counts. */
  addAfter(key: string, ms: number): void {
    if (this.#shuttingDown) return;
    this.#observer?.retried();
    if (!(ms > 0)) {
      this.add(key);
      return;
    }
    this.#delayed.add(key, this.#clock.monotonic() + ms);
    this.#arm();
  }

  /**
   * Adds the key when the rate limiter lets it, but not before `leastMs`; call `forget` when it needs
   * no more retries.
   */
  addRateLimited(key: string, leastMs = 0): void {
    this.addAfter(key, Math.max(leastMs, this.#limiter.when(key)));
  }

  forget(key: string): void {
    this.#limiter.forget(key);
  }

  numRequeues(key: string): number {
    return this.#limiter.requeues(key);
  }

  /**
   * The next key; undefined when the queue is shut down and empty. Rejects with the signal's reason.
   * Every key that was given must be given back by `done`.
   */
  async get(signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted();
    const key = this.#queue.shift();
    if (key !== undefined) {
      this.#take(key);
      return key;
    }
    if (this.#shuttingDown) return undefined;
    return await this.#wait(signal);
  }

  /** Ends the work on a key; one that was added meanwhile is queued again. */
  done(key: string): void {
    const started = this.#processing.get(key);
    if (started === undefined) return;
    this.#processing.delete(key);
    this.#observer?.done(this.#clock.monotonic() - started);
    if (this.#dirty.has(key)) this.#offer(key);
    this.#tellDrained();
  }

  /** Takes no more adds and drops delayed keys; queued ones are still given out. */
  shutDown(): void {
    this.#stopAdds();
    this.#drainedNow();
  }

  /**
   * As `shutDown`, and resolves when every queued key was worked on and given back, when `shutDown`
   * is called, or when the signal aborts.
   */
  async shutDownWithDrain(signal: AbortSignal): Promise<void> {
    this.#stopAdds();
    if (this.#idle() || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = (): void => resolve();
    this.#drained.add(settle);
    signal.addEventListener('abort', settle, { once: true });
    try {
      await promise;
    } finally {
      this.#drained.delete(settle);
      signal.removeEventListener('abort', settle);
    }
  }

  /** How long the keys in work have been there. */
  unfinished(): Unfinished {
    const now = this.#clock.monotonic();
    let totalMs = 0;
    let longestMs = 0;
    for (const started of this.#processing.values()) {
      totalMs += now - started;
      longestMs = Math.max(longestMs, now - started);
    }
    return { totalMs, longestMs };
  }

  #offer(key: string): void {
    const [waiter] = this.#waiters;
    if (waiter === undefined) {
      this.#queue.push(key);
      return;
    }
    this.#waiters.delete(waiter);
    this.#take(key);
    waiter.resolve(key);
  }

  #take(key: string): void {
    const now = this.#clock.monotonic();
    const addedAt = this.#dirty.get(key) ?? now;
    this.#dirty.delete(key);
    this.#processing.set(key, now);
    this.#observer?.taken(now - addedAt);
  }

  async #wait(signal: AbortSignal): Promise<string | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const waiter = { resolve };
    const abort = (): void => {
      if (this.#waiters.delete(waiter)) reject(signal.reason);
    };
    this.#waiters.add(waiter);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Sleeps until the earliest delayed key, unless a sleep already ends before that. */
  #arm(): void {
    const first = this.#delayed.peek();
    if (first === undefined) return;
    const now = this.#clock.monotonic();
    const until = Math.min(first.readyAt, now + MAX_SLEEP_MS);
    if (this.#timer !== undefined && this.#timer.until <= until) return;
    this.#timer?.stop.abort();
    const stop = new AbortController();
    this.#timer = { until, stop };
    this.#clock.sleep(Math.max(0, until - now), stop.signal).then(
      () => this.#release(),
      () => undefined,
    );
  }

  #release(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let key = this.#delayed.takeReady(now); key !== undefined; ) {
      this.add(key);
      key = this.#delayed.takeReady(now);
    }
    this.#arm();
  }

  #stopAdds(): void {
    this.#shuttingDown = true;
    this.#timer?.stop.abort();
    this.#timer = undefined;
    this.#delayed.clear();
    for (const waiter of this.#waiters) waiter.resolve(undefined);
    this.#waiters.clear();
  }

  #idle(): boolean {
    return this.#queue.length === 0 && this.#processing.size === 0;
  }

  #tellDrained(): void {
    if (this.#shuttingDown && this.#idle()) this.#drainedNow();
  }

  #drainedNow(): void {
    for (const resolve of this.#drained) resolve();
  }
}
