import type { Clock } from '../base/clock.ts';
import { isLeaseLost } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import type { Controller } from './controller.ts';

/** Works until its signal aborts; a rejection ends the whole process. */
export interface Service {
  run(signal: AbortSignal): Promise<void>;
}

/** `LeaderElection` is one. */
export interface Elector {
  /** `lost` aborts with the loss of the lease, also where `leading` aborted before for another reason. */
  run(
    lead: (leading: AbortSignal, lost?: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface ManagerOptions {
  /** Run from the start, also in a process that waits for the lease; end last. */
  readonly caches: readonly Service[];
  /** As caches: recorder of events, server of metrics. */
  readonly services?: readonly Service[];
  readonly controllers: readonly Pick<Controller, 'name' | 'run' | 'alive' | 'healthy'>[];
  /** Without one this process acts alone. */
  readonly elector?: Elector;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long all parts may take to end when the leading is over, default 5 s. */
  readonly endMs?: number;
}

/** Why a manager ended; the process ends itself with `exitCode`. */
export type ManagerEnd =
  | { readonly reason: 'stopped'; readonly exitCode: 0 }
  | { readonly reason: 'lease-lost' | 'failed'; readonly exitCode: 1; readonly error: unknown };

/**
 * Puts an operator together: caches from the start, controllers only while this process leads, all
 * aborted at once when the lease is lost, an orderly end when `signal` aborts.
 *
 * @example
 * const end = await new Manager({ caches, controllers, elector, clock, logger }).run(signal);
 * await flushLogs(); // Yours: what the process still has to say.
 * // Not `process.exitCode`: a reconcile that ignores its abort would keep the process alive.
 * process.exit(end.exitCode);
 */
export class Manager {
  readonly #options: ManagerOptions;

  constructor(options: ManagerOptions) {
    this.#options = options;
  }

  /** False where a controller is stuck: a liveness probe should fail. */
  get alive(): boolean {
    return this.#options.controllers.every((controller) => controller.alive);
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<ManagerEnd> {
    const { caches, services = [], elector } = this.#options;
    const background = new AbortController();
    const acting = new AbortController();
    const stop = (): void => acting.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    let failure: { readonly error: unknown } | undefined;
    const fail = (error: unknown): void => {
      failure ??= { error };
      acting.abort(error);
    };
    const running = [...caches, ...services].map(async (service) =>
      service.run(background.signal).catch(fail),
    );
    let led: Promise<void> | undefined;
    const lead = async (leading: AbortSignal, lost?: AbortSignal): Promise<void> => {
      led = this.#lead(leading, lost);
      await led;
    };
    try {
      if (elector === undefined) await lead(acting.signal);
      else await elector.run(lead, acting.signal);
    } catch (error) {
      fail(error);
    }
    signal.removeEventListener('abort', stop);
    background.abort();
    // An elector that lost its lease does not wait for the controllers.
    await this.#ended([...running, led?.catch(() => undefined) ?? Promise.resolve()]);
    return this.#why(failure);
  }

  /** All controllers; the first that fails ends the others. */
  async #lead(signal: AbortSignal, lost?: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const end = (): void => ending.abort(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    const runs = this.#options.controllers.map(async (controller) => {
      try {
        await controller.run(ending.signal, lost);
      } catch (error) {
        ending.abort(error);
        throw error;
      }
    });
    const results = await Promise.allSettled(runs);
    signal.removeEventListener('abort', end);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #ended(running: readonly Promise<void>[]): Promise<void> {
    const { clock, endMs = 5000, logger } = this.#options;
    const stop = new AbortController();
    const late = clock.sleep(endMs, stop.signal).then(
      () => true,
      () => false,
    );
    if (await Promise.race([late, Promise.all(running).then(() => false)]))
      logger.warn({ endMs }, 'caches, services or controllers did not end in time: left behind');
    stop.abort();
  }

  #why(failure: { readonly error: unknown } | undefined): ManagerEnd {
    const { logger } = this.#options;
    if (failure === undefined) {
      logger.info({}, 'stopped');
      return { reason: 'stopped', exitCode: 0 };
    }
    const { error } = failure;
    const reason = isLeaseLost(error) ? 'lease-lost' : 'failed';
    logger.error({ error }, reason === 'failed' ? 'failed' : 'another process leads now');
    return { reason, exitCode: 1, error };
  }
}
