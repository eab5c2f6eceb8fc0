import type { Clock } from '../../kube/base/clock.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import { keyOf, keyText, type ObjectKey } from '../../kube/objects/object-key.ts';
import type { RolloutBatch } from '../shared/kinds.ts';

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** A batch that was deleted, and how often the server could not be told. */
interface Departed {
  readonly uid: string;
  readonly failures: number;
  /** Monotonic: not to be tried before. */
  readonly dueAt: number;
}

/**
 * Batches that were deleted and of which the server has to hear: by now there is no object to reconcile.
 * In memory only: what an operator missed or forgot is found by `UnheardDeletions`.
 */
export class DepartedBatches {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, readonly Departed[]>();

  constructor(batches: Cache<RolloutBatch>, clock: Clock) {
    this.#clock = clock;
    batches.subscribe((change) => {
      if (change.type !== 'deleted') return;
      const { uid = '' } = change.object.metadata;
      this.#add(keyOf(change.object), { uid, failures: 0, dueAt: 0 });
    });
  }

  /** Those that were deleted under this name and are due; they are forgotten unless put back. */
  take(key: ObjectKey): readonly Departed[] {
    const now = this.#clock.monotonic();
    const all = this.#waiting.get(keyText(key)) ?? [];
    const later = all.filter(({ dueAt }) => dueAt > now);
    if (later.length === 0) this.#waiting.delete(keyText(key));
    else this.#waiting.set(keyText(key), later);
    return all.filter(({ dueAt }) => dueAt <= now);
  }

  /** The server was not told: it is tried again, less and less often. */
  putBack(key: ObjectKey, { uid, failures }: Departed): void {
    const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** failures, LONGEST_RETRY_MS);
    const dueAt = this.#clock.monotonic() + pauseMs;
    this.#add(key, { uid, failures: failures + 1, dueAt });
  }

  /** Milliseconds until the next one is due; undefined where none waits. */
  waitMs(key: ObjectKey): number | undefined {
    const all = this.#waiting.get(keyText(key));
    if (all === undefined) return undefined;
    const next = Math.min(...all.map(({ dueAt }) => dueAt));
    return Math.max(1, Math.ceil(next - this.#clock.monotonic()));
  }

  #add(key: ObjectKey, departed: Departed): void {
    const text = keyText(key);
    this.#waiting.set(text, [...(this.#waiting.get(text) ?? []), departed]);
  }
}
