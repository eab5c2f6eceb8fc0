import type { Clock, Random } from '../base/clock.ts';
import { KubeError } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import { aborted, pause } from '../base/waits.ts';
import type { CallOptions, ResourceClient } from '../client/resource-client.ts';
import { keyText } from '../objects/object-key.ts';
import type { LeaderElectionMetrics } from './leader-election-metrics.ts';
import { type Leadership, LeadershipWindow, leaseLost } from './leadership.ts';
import type { Lease } from './lease.ts';
import { LeaseLock } from './lease-lock.ts';

/** A candidate looks again after the retry period and up to this share of it more. */
const JITTER = 1.2;

export interface LeaderElectionOptions {
  /** Over a transport that is not fenced. */
  readonly leases: ResourceClient<Lease>;
  readonly namespace: string;
  /** Name of the lease. */
  readonly name: string;
  /** Unique per process, also across restarts of a pod: for example the pod's name and a UUID. */
  readonly identity: string;
  readonly fieldManager: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: LeaderElectionMetrics;
  /** How long others wait for a silent leader; default 15 s, at least 1 s. */
  readonly leaseDurationMs?: number;
  /** How long this process acts after its last confirmed renewal; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Pause between two renewals, and between two looks of a candidate; default 2 s. */
  readonly retryPeriodMs?: number;
  /**
   * On cancellation, how long the lease is kept for work that is ending; default 40 s, more than a
   * controller takes.
   */
  readonly drainMs?: number;
  /** Hand the lease over at once when the work has ended, instead of letting it run out; default true. */
  readonly releaseOnCancel?: boolean;
}

/**
 * One process of several acts, by a Lease, with the numbers of client-go.
 *
 * A lease alone does not stop a process that lost it without noticing: everything that only the
 * leader may write goes through `fencedTransport(transport, election.leadership)`, and writes whose
 * lateness would do harm carry a lock (see there).
 *
 * @example
 * const election = new LeaderElection({ leases, namespace: 'claw', name: 'operator', … });
 * const client = clientOf(fencedTransport(transport, election.leadership));
 * await election.run((signal) => controllers(client).run(signal), signal); // rejects: exit non-zero
 */
export class LeaderElection {
  readonly leadership: Leadership;
  readonly #window: LeadershipWindow;
  readonly #lock: LeaseLock;
  readonly #options: Required<Omit<LeaderElectionOptions, 'metrics'>>;
  readonly #metrics: LeaderElectionMetrics | undefined;
  readonly #logger: Logger;
  #started = false;

  /** Throws KubeError `InvalidOption` for durations that cannot work. */
  constructor(options: LeaderElectionOptions) {
    const { metrics, ...given } = options;
    this.#options = {
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2000,
      drainMs: 40_000,
      releaseOnCancel: true,
      ...given,
    };
    checkDurations(this.#options);
    const lease = keyText(options);
    this.#metrics = metrics;
    this.#logger = options.logger.child({ lease, identity: options.identity });
    this.#lock = new LeaseLock(this.#options);
    this.#window = new LeadershipWindow({
      lease,
      clock: options.clock,
      windowMs: this.#options.renewDeadlineMs,
    });
    this.leadership = this.#window;
    metrics?.setLeading(options.name, false);
  }

  /**
   * Waits for the lease, then calls `lead` once and holds the lease until `lead` has ended. Call it
   * once.
   *
   * - `signal` aborts before: resolves.
   * - `signal` aborts while leading: the signal of `lead` aborts; when `lead` has ended, the lease is
   *   released. Work that outlives `drainMs` is fenced off and the lease runs out by itself.
   * - `lead` ends or throws: the lease is released, and run does the same.
   * - The lease is lost: both signals of `lead` abort, and run rejects with `LeaseLost` without waiting
   *   for `lead`. The process is expected to exit non-zero.
   */
  async run(lead: Lead, signal: AbortSignal): Promise<void> {
    if (this.#started)
      throw new KubeError(
        'InvalidOption',
        `leader election ${this.leadership.lease}: it ran already; make another`,
      );
    this.#started = true;
    if (!(await this.#acquire(signal))) return;
    this.#announce(true);
    try {
      await this.#serve(lead, signal);
    } finally {
      this.#announce(false);
    }
  }

  async #serve(lead: Lead, signal: AbortSignal): Promise<void> {
    const acting = new AbortController();
    const renewing = new AbortController();
    const cancel = (): void => acting.abort(signal.reason);
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const losing = new AbortController();
    let lost: KubeError | undefined;
    const held = this.#hold(renewing.signal).then((reason) => {
      if (reason === undefined) return;
      lost = reason;
      losing.abort(reason);
      acting.abort(reason);
    });
    const led = (async () => lead(acting.signal, losing.signal))();
    const ended = led.then(allEnded, allEnded);
    const undrained = this.#drainLimit(acting.signal, renewing.signal);
    const drained = await Promise.race([ended, held, undrained]);
    signal.removeEventListener('abort', cancel);
    this.#window.end(leaseLost(this.leadership.lease, 'was given up by this process'));
    renewing.abort();
    if (lost !== undefined) throw lost;
    await held;
    if (drained) {
      await this.#release();
      await led;
    } else this.#logger.warn({}, 'work outlived its limit: the lease runs out');
  }

  /** True when the lease is held, false when `signal` aborted. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { retryPeriodMs, random } = this.#options;
    let holder: string | undefined;
    while (!signal.aborted) {
      let waitMs = retryPeriodMs * (1 + JITTER * random());
      try {
        const attempt = await this.#lock.acquire(this.#call(signal));
        if (attempt.held && this.#begin(attempt.sentAt)) return true;
        if (!attempt.held) {
          if (attempt.holder !== holder) this.#logger.info(attempt, 'another process leads');
          holder = attempt.holder;
          waitMs = Math.min(waitMs, attempt.expiresInMs);
        }
      } catch (error) {
        if (!signal.aborted) this.#logger.warn({ error }, 'could not try to take the lease');
      }
      await pause(this.#options.clock, waitMs, signal);
    }
    return false;
  }

  /** False where the answer came so late that the window is over before it begins. */
  #begin(sentAt: number): boolean {
    const { clock, renewDeadlineMs } = this.#options;
    if (clock.monotonic() - sentAt >= renewDeadlineMs) return false;
    this.#window.confirm(sentAt);
    return true;
  }

  /** Resolves with the reason when the lease is lost, with undefined when `signal` aborts. */
  async #hold(signal: AbortSignal): Promise<KubeError | undefined> {
    return Promise.race([this.#renewals(signal), this.#expiry(signal)]);
  }

  /** One renewal begins each retry period; a call that hung for longer is followed at once. */
  async #renewals(signal: AbortSignal): Promise<KubeError | undefined> {
    const { clock, retryPeriodMs } = this.#options;
    let waitMs = retryPeriodMs;
    while (await pause(clock, waitMs, signal)) {
      const over = this.#window.refusal();
      if (over !== undefined) return over;
      const beganAt = clock.monotonic();
      try {
        const attempt = await this.#lock.renew(this.#call(signal));
        if (!attempt.held) return this.#taken(attempt.holder);
        this.#window.confirm(attempt.sentAt);
      } catch (error) {
        if (!signal.aborted) this.#logger.warn({ error }, 'could not renew the lease');
      }
      waitMs = Math.max(0, retryPeriodMs - (clock.monotonic() - beganAt));
    }
    return undefined;
  }

  #taken(holder: string): KubeError {
    const lost = leaseLost(this.leadership.lease, `is held by '${holder}'`);
    this.#window.end(lost);
    return lost;
  }

  /** Independent of the renewals, which may hang in a call. */
  async #expiry(signal: AbortSignal): Promise<KubeError | undefined> {
    const { clock } = this.#options;
    for (;;) {
      const over = this.#window.refusal();
      if (over !== undefined) return over;
      const leftMs = Math.ceil((this.#window.until ?? 0) - clock.monotonic());
      if (!(await pause(clock, leftMs, signal))) return undefined;
    }
  }

  /** Resolves (with undefined) when the work has not ended `drainMs` after it was told to. */
  async #drainLimit(acting: AbortSignal, over: AbortSignal): Promise<undefined> {
    await aborted(AbortSignal.any([acting, over]));
    await pause(this.#options.clock, this.#options.drainMs, over);
  }

  async #release(): Promise<void> {
    if (!this.#options.releaseOnCancel) return;
    try {
      await this.#lock.release(this.#call(new AbortController().signal));
      this.#logger.info({}, 'released the lease');
    } catch (error) {
      this.#logger.warn({ error }, 'could not release the lease: it runs out');
    }
  }

  /** One hanging call must leave time for another one before the deadline. */
  #call(signal: AbortSignal): CallOptions {
    return { signal, timeoutMs: this.#options.renewDeadlineMs / 2 };
  }

  #announce(leading: boolean): void {
    this.#metrics?.setLeading(this.#options.name, leading);
    this.#logger.info({}, leading ? 'leading' : 'not leading any more');
  }
}

/**
 * The work of a leader: it ends soon after `signal` aborts, and at once where `lost` does, which
 * tells of the loss of the lease also while the work is ending.
 */
export type Lead = (signal: AbortSignal, lost: AbortSignal) => Promise<void>;

const allEnded = (): true => true;

function checkDurations(durations: {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}): void {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = durations;
  const fail = (what: string): never => {
    throw new KubeError('InvalidOption', `leader election: ${what}`);
  };
  if (!(leaseDurationMs >= 1000))
    fail(`leaseDurationMs ${leaseDurationMs}: expected at least 1000, leases count whole seconds`);
  if (!(retryPeriodMs > 0)) fail(`retryPeriodMs ${retryPeriodMs}: expected more than 0`);
  if (!(renewDeadlineMs > retryPeriodMs * JITTER))
    fail(
      `renewDeadlineMs ${renewDeadlineMs}: expected more than ${JITTER} x retryPeriodMs ${retryPeriodMs}`,
    );
  if (!(leaseDurationMs > renewDeadlineMs))
    fail(
      `leaseDurationMs ${leaseDurationMs}: expected more than renewDeadlineMs ${renewDeadlineMs}`,
    );
}
