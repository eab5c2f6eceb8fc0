import type { Clock } from '../base/clock.ts';
import { KubeError } from '../base/kube-error.ts';

/** A reason of its own spares each call the making of a DOMException with its stack. */
const DISARMED = 'answered in time';

/**
 * Caller's signal and deadline of one call, joined. Whoever creates it must call `end`, else its
 * timer and listener stay.
 */
export class CallDeadline {
  readonly #clock: Clock;
  readonly #caller: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer = new AbortController();
  readonly #timeoutMs: number;
  readonly #startedAt: number;
  #expired = false;
  readonly #onAbort = (): void => this.#controller.abort();

  constructor(clock: Clock, caller: AbortSignal, timeoutMs: number) {
    this.#clock = clock;
    this.#caller = caller;
    this.#timeoutMs = timeoutMs;
    this.#startedAt = clock.monotonic();
    if (caller.aborted) this.#controller.abort();
    else caller.addEventListener('abort', this.#onAbort, { once: true });
    clock.sleep(timeoutMs, this.#timer.signal).then(
      () => {
        this.#expired = true;
        this.#controller.abort();
      },
      () => undefined,
    );
  }

  /** Aborts with either of the two. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get elapsedMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }

  get remainingMs(): number {
    return this.#timeoutMs - this.elapsedMs;
  }

  /** Stops the deadline; the caller's signal stays joined. */
  disarm(): void {
    this.#timer.abort(DISARMED);
  }

  end(): void {
    this.disarm();
    this.#caller.removeEventListener('abort', this.#onAbort);
  }

  /** Why the signal aborted, as an error; undefined where it did not. */
  interruption(place: string): KubeError | undefined {
    if (this.#caller.aborted)
      return new KubeError('Aborted', `${place}: the caller ended the call`, {
        cause: this.#caller.reason,
      });
    if (!this.#expired) return undefined;
    return new KubeError('RequestTimeout', `${place}: no answer within ${this.#timeoutMs} ms`, {
      retryable: true,
    });
  }

  /** The result of `promise`, or a rejection as soon as the signal aborts. */
  async race<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this;
    // Its failure after an abort is nobody's.
    promise.catch(() => undefined);
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
