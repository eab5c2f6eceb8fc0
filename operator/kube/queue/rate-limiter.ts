import type { Clock } from '../base/clock.ts';

/** Decides how long a key that failed waits before its next turn. */
export interface RateLimiter {
  /** Counts one more failure of the key and gives its wait in milliseconds. */
  when(key: string): number;
  /** The key is no longer retried, whether it succeeded or was given up. */
  forget(key: string): void;
  /** Failures of the key since it was last forgotten. */
  requeues(key: string): number;
}

/** `baseMs` x 2^failures, at most `maxMs`, for each key on its own. */
export class ItemBackoff implements RateLimiter {
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #failures = new Map<string, number>();

  constructor(baseMs: number, maxMs: number) {
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
  }

  when(key: string): number {
    const failures = this.requeues(key);
    this.#failures.set(key, failures + 1);
    return Math.min(this.#maxMs, this.#baseMs * 2 ** failures);
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  requeues(key: string): number {
    return this.#failures.get(key) ?? 0;
  }
}

/**
 * One token bucket for all keys: `burst` at once, then `perSecond`. A wait that was given is booked,
 * so later callers wait behind it, as Go's `rate.Limiter.Reserve` does.
 */
export class TokenBucket implements RateLimiter {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = clock.monotonic();
  }

  when(): number {
    const now = this.#clock.monotonic();
    const earned = Math.max(0, now - this.#at) * this.#perMs;
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned) - 1;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#perMs;
  }

  forget(): void {}

  requeues(): number {
    return 0;
  }
}

/** The longest wait that any of the limiters asks for. */
export class SlowestOf implements RateLimiter {
  readonly #limiters: readonly RateLimiter[];

  constructor(limiters: readonly RateLimiter[]) {
    this.#limiters = limiters;
  }

  when(key: string): number {
    return Math.max(...this.#limiters.map((limiter) => limiter.when(key)));
  }

  forget(key: string): void {
    for (const limiter of this.#limiters) limiter.forget(key);
  }

  requeues(key: string): number {
    return Math.max(...this.#limiters.map((limiter) => limiter.requeues(key)));
  }
}

/**
 * The numbers of client-go's `DefaultTypedControllerRateLimiter`: 5 ms doubling up to 1,000 s for
 * each key, and 10 a second with a burst of 100 over all keys; the longer wait counts.
 */
export function defaultRateLimiter(clock: Clock): RateLimiter {
  return new SlowestOf([new ItemBackoff(5, 1_000_000), new TokenBucket(clock, 10, 100)]);
}
