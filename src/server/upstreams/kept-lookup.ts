import type { LookupAddress } from 'node:dns';
import type { Clock } from '../../base/clock.ts';
import type { LookUpAll } from './forbidden-hosts.ts';

/** How long an answer of the system may take where an earlier one is known. */
const PATIENCE_MS = 2000;
/** How long an answer stands in for one that does not come. */
const KEEP_MS = 10 * 60_000;
const MOST_NAMES = 1000;
/** Codes of look-ups that found no name server, or none that could say: never of a name that is gone. */
const NO_ANSWER: ReadonlySet<string> = new Set(['EAI_AGAIN', 'EAI_FAIL', 'ETIMEOUT', 'ETIMEDOUT']);

interface Kept {
  readonly addresses: LookupAddress[];
  /** Monotonic milliseconds. */
  readonly at: number;
}

/**
 * As the system's lookup; where that finds no name server or is slow, its last answer of ten minutes
 * holds. A node's name look-ups fail first where its network is crowded, and a connection that only
 * lacks an address must not fail with them. That a name is gone is an answer, and ends what was known.
 */
export function keptLookup(system: LookUpAll, clock: Clock): LookUpAll {
  const known = new Map<string, Kept>();
  return (hostname, options, callback) => {
    const key = `${hostname} ${options.family ?? 0} ${options.hints ?? 0}`;
    const kept = known.get(key);
    const standIn = kept !== undefined && clock.monotonic() - kept.at < KEEP_MS ? kept : undefined;
    const over = new AbortController();
    const answer: typeof callback = (error, addresses) => {
      if (over.signal.aborted) return;
      over.abort();
      callback(error, addresses);
    };
    system(hostname, options, (error, addresses) => {
      if (error === null) keep(known, key, { addresses, at: clock.monotonic() });
      else if (!NO_ANSWER.has(error.code ?? '')) known.delete(key);
      else if (standIn !== undefined) return answer(null, standIn.addresses);
      answer(error, addresses);
    });
    if (standIn === undefined || over.signal.aborted) return;
    clock.sleep(PATIENCE_MS, over.signal).then(
      () => answer(null, standIn.addresses),
      () => undefined,
    );
  };
}

/** The latest last, so that the first is what was not asked for longest. */
function keep(known: Map<string, Kept>, key: string, kept: Kept): void {
  known.delete(key);
  known.set(key, kept);
  const [oldest] = known.keys();
  if (known.size > MOST_NAMES && oldest !== undefined) known.delete(oldest);
}
