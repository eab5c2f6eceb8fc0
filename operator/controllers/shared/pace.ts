import type { Clock } from '../../kube/base/clock.ts';

/** Keeps what is done for one object apart in time. In memory: a restart may do it once too early. */
export class Pace {
  readonly #clock: Clock;
  readonly #at = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until `intervalMs` have passed since the last `mark`; 0 where there was none. */
  waitMs(key: string, intervalMs: number): number {
    const at = this.#at.get(key);
    return at === undefined ? 0 : Math.max(0, Math.ceil(at + intervalMs - this.#clock.monotonic()));
  }

  mark(key: string): void {
    this.#at.set(key, this.#clock.monotonic());
  }

  forget(key: string): void {
    this.#at.delete(key);
  }
}
