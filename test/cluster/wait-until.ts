import { systemClock } from '../../src/base/clock.ts';
import { ClawError } from '../../src/base/error.ts';

/** How often conditions of a cluster are looked at, in milliseconds. */
export const POLL_MS = 50;

export interface WaitOptions {
  /** Ends the message "… was not so within N s". */
  readonly what: string;
  readonly seconds: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks until the answer is true; an error counts as "not yet" and is the cause of the final one.
 * Fails with `Timeout`.
 */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  { what, seconds, signal }: WaitOptions,
): Promise<void> {
  const deadline = systemClock.monotonic() + seconds * 1000;
  for (;;) {
    let cause: unknown;
    try {
      if (await condition()) return;
    } catch (thrown) {
      cause = thrown;
    }
    signal?.throwIfAborted();
    if (systemClock.monotonic() > deadline) {
      throw new ClawError('Timeout', `${what}: not so within ${seconds} s`, { cause });
    }
    await systemClock.sleep(POLL_MS, signal);
  }
}
