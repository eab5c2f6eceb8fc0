/** Delays between tries of one call, in milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const UPSTREAM_BACKOFF: Backoff = { firstMs: 500, maxMs: 30_000 };

/**
 * Exponential with equal jitter: half of the step is fixed, half is random, so that many rollouts
 * that were refused together do not come back together.
 *
 * @param failures failed tries so far, from 1
 * @param random in [0, 1)
 */
export function backoffMs(backoff: Backoff, failures: number, random: number): number {
  const step = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(step / 2 + (step / 2) * random);
}

/**
 * `Retry-After` as milliseconds from `now` (RFC 9110 10.2.3: seconds or an HTTP date); undefined
 * where absent or unreadable.
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  // Date.parse takes much that is no HTTP date, "-1" for example.
  const date = /^[A-Za-z]{3,9}[ ,]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
