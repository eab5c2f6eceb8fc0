import type { Clock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { type Backoff, backoffMs } from '../../gateway/backoff.ts';

const BACKOFF: Backoff = { firstMs: 100, maxMs: 3000 };

export interface RepeatDeps {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * Repeats a call while it fails for want of a server, until the signal says that it is too late. All
 * calls of pods are idempotent, so an answer that was lost is simply asked for again. A refusal
 * (`retryable` false) ends it at once. Throws the last failure.
 */
export async function repeatCall<T>(
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
  deps: RepeatDeps,
  giveUp: AbortSignal,
): Promise<T> {
  let last: unknown;
  for (let failures = 1; !giveUp.aborted; failures += 1) {
    try {
      return await call(giveUp);
    } catch (thrown) {
      if (thrown instanceof ClawError && !thrown.retryable) throw thrown;
      if (giveUp.aborted) break;
      last = thrown;
      deps.logger.warn({ what, failures, error: errorMessage(thrown) }, 'the server is away');
    }
    const pause = backoffMs(BACKOFF, failures, deps.random());
    await deps.clock.sleep(pause, giveUp).catch(() => undefined);
  }
  const why = last === undefined ? errorMessage(giveUp.reason) : errorMessage(last);
  throw new ClawError('Timeout', `${what}: no answer in time: ${why}`, { cause: last });
}
