import type { Clock } from '../base/clock.ts';
import { KubeError } from '../base/kube-error.ts';

/** What writers may ask about this process's leadership. */
export interface Leadership {
  /** Name of the lease, for messages: `namespace/name`. */
  readonly lease: string;
  /** True while this process may act as the leader, by its own monotonic clock, at this moment. */
  readonly leading: boolean;
  /** Throws KubeError `LeaseLost` unless `leading`; `action` begins the message. */
  check(action: string): void;
}

/**
 * The time in which this process may act: from a renewal that the API server confirmed until
 * `windowMs` after that renewal was *sent*. Others take the lease a whole lease duration after they
 * saw the renewal, which cannot be before it was sent; so the window ends before theirs begins, as
 * long as the two hosts' clocks run at about the same rate. Their readings do not matter.
 *
 * A process that was stopped (SIGSTOP, a debugger, a starved host) finds its window over when it
 * wakes up, because CLOCK_MONOTONIC goes on meanwhile. It does not go on while the whole machine is
 * suspended or its virtual machine is paused: there only the locks of `fencedTransport` help.
 *
 * A window that is over stays over.
 */
export class LeadershipWindow implements Leadership {
  readonly lease: string;
  readonly #clock: Clock;
  readonly #windowMs: number;
  #confirmedAt: number | undefined;
  #ended: KubeError | undefined;

  constructor(options: {
    readonly lease: string;
    readonly clock: Clock;
    readonly windowMs: number;
  }) {
    this.lease = options.lease;
    this.#clock = options.clock;
    this.#windowMs = options.windowMs;
  }

  get leading(): boolean {
    return this.refusal() === undefined;
  }

  /** Monotonic time at which the window ends; undefined while it has not begun. */
  get until(): number | undefined {
    return this.#confirmedAt === undefined ? undefined : this.#confirmedAt + this.#windowMs;
  }

  /** Why this process may not act now; undefined where it may. */
  refusal(): KubeError | undefined {
    if (this.#ended !== undefined) return this.#ended;
    if (this.#confirmedAt === undefined) return notHeldYet(this.lease);
    const age = this.#clock.monotonic() - this.#confirmedAt;
    if (age < this.#windowMs) return undefined;
    const overdue = `was confirmed ${Math.round(age)} ms ago, which is good for ${this.#windowMs} ms`;
    return leaseLost(this.lease, overdue);
  }

  check(action: string): void {
    const refusal = this.refusal();
    if (refusal === undefined) return;
    throw new KubeError('LeaseLost', `${action}: not sent: ${refusal.message}`, { cause: refusal });
  }

  /** The API server has confirmed a write of the lease that was sent at `sentAt` (monotonic). */
  confirm(sentAt: number): void {
    if (this.#confirmedAt !== undefined && !this.leading) return;
    this.#confirmedAt = sentAt;
  }

  /** Ends the window for good. */
  end(reason: KubeError): void {
    this.#ended ??= reason;
  }
}

/** `what` continues "lease namespace/name". */
export function leaseLost(lease: string, what: string, cause?: unknown): KubeError {
  return new KubeError(
    'LeaseLost',
    `lease ${lease} ${what}; end this process, another one leads or will`,
    cause === undefined ? {} : { cause },
  );
}

function notHeldYet(lease: string): KubeError {
  return new KubeError(
    'LeaseLost',
    `lease ${lease} is not held by this process yet; write from the function given to run()`,
  );
}
