import type { Clock, Random } from '../base/clock.ts';

/** How long to wait after a failure. The defaults of client-go's reflector are `REFLECTOR_BACKOFF`. */
export interface BackoffNumbers {
  /** First delay, before jitter. */
  readonly initialMs: number;
  /** Largest delay, before jitter. */
  readonly maxMs: number;
  readonly factor: number;
  /** A delay `d` becomes a random one in [d, d * (1 + jitter)). */
  readonly jitter: number;
  /** Calm after which the next delay is the first again. */
  readonly resetAfterMs: number;
}

/** client-go `tools/cache/reflector.go`: 800 ms to 30 s, doubled, jitter 1, reset after 2 minutes. */
export const REFLECTOR_BACKOFF: BackoffNumbers = {
  initialMs: 800,
  maxMs: 30_000,
  factor: 2,
  jitter: 1,
  resetAfterMs: 120_000,
};

/** Growing, jittered delays of one loop. */
export class Backoff {
  readonly #numbers: BackoffNumbers;
  readonly #clock: Clock;
  readonly #random: Random;
  #base: number;
  #lastMs: number;

  constructor(numbers: BackoffNumbers, clock: Clock, random: Random) {
    this.#numbers = numbers;
    this.#clock = clock;
    this.#random = random;
    this.#base = numbers.initialMs;
    this.#lastMs = clock.monotonic();
  }

  /** The delay before the next try, at least `atLeastMs` (what the server asked for). */
  next(atLeastMs = 0): number {
    const { factor, jitter, maxMs, resetAfterMs } = this.#numbers;
    const now = this.#clock.monotonic();
    if (now - this.#lastMs > resetAfterMs) this.reset();
    const delay = this.#base * (1 + jitter * this.#random());
    this.#base = Math.min(this.#base * factor, maxMs);
    const chosen = Math.max(delay, atLeastMs);
    this.#lastMs = now + chosen;
    return chosen;
  }

  /** The last try went well: begin with the first delay again. */
  reset(): void {
    this.#base = this.#numbers.initialMs;
  }
}
