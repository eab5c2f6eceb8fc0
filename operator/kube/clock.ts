import { setTimeout as delay } from 'node:timers/promises';

/** Time is passed in, so that tests can hold it. */
export interface Clock {
  /** Milliseconds since the epoch, for stamps that others read. */
  now(): number;
  /** Monotonic milliseconds, for durations and deadlines. */
  monotonic(): number;
  /** Resolves after `ms`, rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};

/** A number in [0, 1), as `Math.random` gives; passed in, so that jitter can be held in tests. */
export type Random = () => number;
