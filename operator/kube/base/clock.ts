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
  sleep,
};

/**
 * Not the sleep of node:timers/promises: that one rejects with an error of its own, whose stack costs
 * more than the rest of a cancelled deadline.
 */
async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** A number in [0, 1), as `Math.random` gives; passed in, so that jitter can be held in tests. */
export type Random = () => number;
