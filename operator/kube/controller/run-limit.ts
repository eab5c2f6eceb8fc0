import type { Clock } from '../base/clock.ts';
import type { KubeError } from '../base/kube-error.ts';

/** One signal out of a time limit, a parent signal and `abort`. Call `end` when the run is over. */
export class RunLimit {
  readonly #stop = new AbortController();
  readonly #timer = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #onParent: () => void;
  #late: KubeError | undefined;

  /** @param late Makes the reason of the abort when `ms` have passed. */
  constructor(clock: Clock, parent: AbortSignal | undefined, ms: number, late: () => KubeError) {
    this.#parent = parent;
    this.#onParent = () => this.abort(parent?.reason);
    if (parent?.aborted === true) this.#onParent();
    else parent?.addEventListener('abort', this.#onParent, { once: true });
    clock.sleep(ms, this.#timer.signal).then(
      () => {
        if (this.signal.aborted) return;
        this.#late = late();
        this.#stop.abort(this.#late);
      },
      () => undefined,
    );
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** True where the time limit was the reason of the abort. */
  get expired(): boolean {
    return this.#late !== undefined;
  }

  /** The reason of the time limit, else `other`. */
  reason(other: unknown): unknown {
    return this.#late ?? other;
  }

  abort(reason: unknown): void {
    this.#stop.abort(reason);
  }

  end(): void {
    this.#timer.abort();
    this.#parent?.removeEventListener('abort', this.#onParent);
  }
}
