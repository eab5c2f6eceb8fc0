import type { Clock } from '../../operator/kube/base/clock.ts';

interface Event {
  readonly at: number;
  readonly run: () => void;
}

/** A world whose time moves from event to event: hours of several hosts in milliseconds. */
export class Simulation {
  #now = 0;
  readonly #events: Event[] = [];

  /** True time in milliseconds, which no host can read. */
  get now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): void {
    const later = this.#events.findIndex((event) => event.at > time);
    this.#events.splice(later < 0 ? this.#events.length : later, 0, { at: time, run });
  }

  /** Runs all that happens within `ms`; `observe` is called after each event has had its effects. */
  async advance(ms: number, observe?: () => void): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.at > end) break;
      this.#events.shift();
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
      observe?.();
    }
    this.#now = end;
  }
}

/** Lets all promises that can go on do so: a macrotask comes after every microtask. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export interface HostClock {
  /** Monotonic milliseconds that pass here in one true millisecond. */
  readonly rate?: number;
  /** Monotonic reading at true time 0: since when the host is up. */
  readonly uptimeMs?: number;
  /** Wall clock at true time 0. */
  readonly wallMs?: number;
  /** The wall clock stands still. */
  readonly wallStopped?: boolean;
}

/** One host of a simulation, with clocks of its own; its process can be stopped for a while. */
export class SimHost implements Clock {
  readonly #simulation: Simulation;
  readonly #clock: Required<HostClock>;
  #stoppedUntil = 0;

  constructor(simulation: Simulation, clock: HostClock = {}) {
    this.#simulation = simulation;
    this.#clock = { rate: 1, uptimeMs: 0, wallMs: 1_700_000_000_000, wallStopped: false, ...clock };
  }

  now(): number {
    return this.#clock.wallMs + (this.#clock.wallStopped ? 0 : this.#simulation.now);
  }

  monotonic(): number {
    return this.#clock.uptimeMs + this.#simulation.now * this.#clock.rate;
  }

  /** SIGSTOP now, SIGCONT after `ms`: time goes on, nothing runs. */
  stop(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#simulation.now + ms);
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.at(this.#simulation.now + ms / this.#clock.rate, resolve);
    const stop = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Runs at `time`, or as soon as the process runs again. */
  at(time: number, run: () => void): void {
    this.#simulation.at(time, () => {
      if (this.#simulation.now < this.#stoppedUntil) this.at(this.#stoppedUntil, run);
      else run();
    });
  }
}
