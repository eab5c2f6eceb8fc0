import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { isLeaseLost, KubeError } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import { aborted } from '../base/waits.ts';
import { keyText, type ObjectKey, parseKey } from '../objects/object-key.ts';
import { ItemBackoff, type RateLimiter } from '../queue/rate-limiter.ts';
import { WorkQueue } from '../queue/work-queue.ts';
import type { ControllerMetrics, ReconcileResultLabel } from './controller-metrics.ts';
import type { Source } from './controller-sources.ts';
import { failureKind, type ReadGate, type Reconcile, type ReconcileResult } from './reconcile.ts';
import { RunLimit } from './run-limit.ts';

export interface ControllerOptions {
  /** Of the metrics and logs; unique in the process. */
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly sources: readonly Source[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: ControllerMetrics;
  /** Keys that are reconciled at the same time, default 1. */
  readonly workers?: number;
  /** Limit of one run, default 120 s. */
  readonly reconcileTimeoutMs?: number;
  /** Limit for the first lists of all sources, default 2 min. */
  readonly cacheSyncTimeoutMs?: number;
  /** How long runs may go on after `run`'s signal aborts, default 30 s. */
  readonly shutdownTimeoutMs?: number;
  /** Each must have seen the key's own writes before it is reconciled again. */
  readonly readGates?: readonly ReadGate[];
  /** Default: client-go's numbers. */
  readonly rateLimiter?: RateLimiter;
  /** Gives `reconcileID`s, default random UUIDs. */
  readonly newId?: () => string;
}

/** A run of a reconcile that goes on for this many times its limit makes `alive` false. */
const STUCK_FACTOR = 2;
/** So many conflicts in a row of one key, and each time as many more, are worth a warning. */
const WARN_CONFLICTS = 10;
/** Runs that ignore their abort are waited for this long before `run` gives up on them. */
const ABORT_GRACE_MS = 5_000;

/**
 * Runs a reconcile for every key that its sources tell, N at a time, never two for the same key.
 * Failures of one key do not touch others.
 *
 * @example
 * const controller = new Controller({
 *   name: 'echo', reconcile, sources: [watchObjects('echoes', echoes)], clock: systemClock, logger,
 * });
 * await controller.run(signal);
 */
export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  /** A conflict means that a newer view is on its way, so it is tried again soon. */
  readonly #conflicts = new ItemBackoff(5, 1000);
  readonly #stale = new ItemBackoff(5, 250);
  readonly #runs = new Set<RunLimit>();
  #state: 'new' | 'syncing' | 'running' | 'stopped' = 'new';

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = options.clock;
    this.#logger = options.logger.child({ controller: options.name });
    this.#timeoutMs = options.reconcileTimeoutMs ?? 120_000;
    const queues = options.metrics?.queues;
    this.#queue = new WorkQueue({
      clock: options.clock,
      ...(options.rateLimiter === undefined ? {} : { rateLimiter: options.rateLimiter }),
      ...(queues === undefined ? {} : { observer: queues.observer(options.name) }),
    });
    queues?.measure(options.name, this.#queue);
  }

  /** False where a run has ignored its time-out: only a restart of the process helps. */
  get alive(): boolean {
    return this.#queue.unfinished().longestMs <= this.#timeoutMs * STUCK_FACTOR;
  }

  /** True while the caches are there and the workers run. */
  get healthy(): boolean {
    return this.#state === 'running' && this.alive;
  }

  /** Asks for a run of `key` soon. */
  enqueue(key: ObjectKey): void {
    this.#queue.add(keyText(key));
  }

  /**
   * Waits for the caches, then works until `signal` aborts; runs in progress may end within
   * `shutdownTimeoutMs`, keys that wait are left to the next process. Where the signal's reason is
   * `LeaseLost` runs are aborted at once, and also where `lost` aborts later: leadership that ends
   * while runs are let finish. Call it once.
   *
   * Throws `CacheNotSynced` where the first lists take too long.
   */
  async run(signal: AbortSignal, lost?: AbortSignal): Promise<void> {
    if (this.#state !== 'new')
      throw new KubeError('InvalidOption', `controller ${this.name}: it ran already; make another`);
    this.#state = 'syncing';
    const stops = this.#options.sources.map((source) =>
      source.start((key) => this.#queue.add(keyText(key))),
    );
    const workers: Promise<void>[] = [];
    try {
      if (!(await this.#synced(signal))) return;
      this.#state = 'running';
      const count = this.#options.workers ?? 1;
      this.#options.metrics?.started(this.name, count);
      this.#logger.info({ workers: count }, 'controller works');
      for (let index = 0; index < count; index += 1) workers.push(this.#work(signal));
      await Promise.race([aborted(signal), Promise.all(workers)]);
    } finally {
      this.#state = 'stopped';
      for (const stop of stops) stop();
      this.#queue.shutDown();
      await this.#end(Promise.all(workers), signal, lost);
    }
  }

  /** True when every source told what exists; false when `signal` aborted first. */
  async #synced(signal: AbortSignal): Promise<boolean> {
    const limitMs = this.#options.cacheSyncTimeoutMs ?? 120_000;
    const limit = new RunLimit(this.#clock, signal, limitMs, () => syncError(this.name, limitMs));
    const missing = new Set(this.#options.sources.map((source) => source.name));
    try {
      await Promise.all(
        this.#options.sources.map(async (source) => {
          await source.whenSynced(limit.signal);
          missing.delete(source.name);
        }),
      );
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      this.#logger.error({ missing: [...missing] }, 'caches have no first list');
      throw thrown;
    } finally {
      limit.end();
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const text = await this.#queue.get(signal).catch(() => undefined);
      if (text === undefined) return;
      try {
        await this.#handle(text, signal);
      } finally {
        this.#queue.done(text);
      }
    }
  }

  /** Never rejects. */
  async #handle(text: string, signal: AbortSignal): Promise<void> {
    const key = parseKey(text);
    const { metrics, readGates = [] } = this.#options;
    if (readGates.some((gate) => gate.isBehind(key))) {
      metrics?.ended(this.name, 'stale', 0);
      this.#queue.addAfter(text, this.#stale.when(text));
      return;
    }
    this.#stale.forget(text);
    const started = this.#clock.monotonic();
    metrics?.active(this.name, 1);
    const result = await this.#reconcile(text, key, signal);
    metrics?.active(this.name, -1);
    if (result !== undefined) metrics?.ended(this.name, result, this.#clock.monotonic() - started);
  }

  /** Undefined where the shutdown ended the run. */
  async #reconcile(
    text: string,
    key: ObjectKey,
    signal: AbortSignal,
  ): Promise<ReconcileResultLabel | undefined> {
    const reconcileId = (this.#options.newId ?? randomUUID)();
    const logger = this.#logger.child({ ...key, reconcileID: reconcileId });
    const limit = new RunLimit(this.#clock, undefined, this.#timeoutMs, () => {
      // Here and not where the run ends: one that ignores its abort may never end.
      this.#options.metrics?.timedOut(this.name);
      return timeoutError(this.name, text, this.#timeoutMs);
    });
    this.#runs.add(limit);
    if (isLeaseLost(signal.reason)) limit.abort(signal.reason);
    try {
      const result = await this.#options.reconcile(key, {
        signal: limit.signal,
        logger,
        reconcileId,
      });
      return this.#succeeded(text, result);
    } catch (thrown) {
      if (limit.signal.aborted && !limit.expired) return undefined;
      return this.#failed(text, limit.expired ? limit.reason(thrown) : thrown, logger);
    } finally {
      this.#runs.delete(limit);
      limit.end();
    }
  }

  #succeeded(text: string, result: ReconcileResult): ReconcileResultLabel {
    this.#queue.forget(text);
    this.#conflicts.forget(text);
    if (result.requeueAfterMs === undefined) return 'success';
    this.#queue.addAfter(text, result.requeueAfterMs);
    return 'requeue_after';
  }

  #failed(text: string, error: unknown, logger: Logger): ReconcileResultLabel {
    const kind = failureKind(error);
    if (kind === 'conflict') {
      this.#queue.addAfter(text, this.#conflicts.when(text));
      const conflicts = this.#conflicts.requeues(text);
      if (conflicts % WARN_CONFLICTS === 0)
        logger.warn({ error, conflicts }, 'conflicts do not end: who else writes these fields?');
      else logger.debug({ error }, 'somebody else wrote first: reconcile again');
      return kind;
    }
    if (kind === 'terminal') {
      logger.error({ error }, 'reconcile cannot succeed before its object changes');
      this.#queue.forget(text);
      this.#conflicts.forget(text);
      return kind;
    }
    this.#conflicts.forget(text);
    logger.error({ error, failures: this.#queue.numRequeues(text) + 1 }, 'reconcile failed');
    const asked = error instanceof KubeError ? error.retryAfterMs : undefined;
    this.#queue.addRateLimited(text, asked);
    return kind;
  }

  /** Lets runs end, then aborts them. */
  async #end(workers: Promise<unknown>, signal: AbortSignal, lost?: AbortSignal): Promise<void> {
    const { shutdownTimeoutMs = 30_000 } = this.#options;
    const graceful = !isLeaseLost(signal.reason);
    if (graceful && (await within(this.#clock, shutdownTimeoutMs, workers, lost))) return;
    const late = (): KubeError =>
      new KubeError('Aborted', `controller ${this.name}: it shut down before the run ended`);
    const ended = [signal, lost].find((end) => isLeaseLost(end?.reason));
    const reason: unknown = ended?.reason ?? late();
    for (const run of this.#runs) run.abort(reason);
    if (await within(this.#clock, ABORT_GRACE_MS, workers)) return;
    this.#logger.error({ runs: this.#runs.size }, 'reconciles ignore their abort: left behind');
  }
}

/** True where `work` settles within `ms` and before `cut` aborts. */
async function within(
  clock: Clock,
  ms: number,
  work: Promise<unknown>,
  cut?: AbortSignal,
): Promise<boolean> {
  const stop = new AbortController();
  const end = cut === undefined ? stop.signal : AbortSignal.any([stop.signal, cut]);
  const late = clock.sleep(ms, end).then(
    () => false,
    () => false,
  );
  const ended = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([ended, late]);
  } finally {
    stop.abort();
  }
}

function timeoutError(controller: string, key: string, ms: number): KubeError {
  return new KubeError(
    'ReconcileTimeout',
    `controller ${controller}: ${key}: longer than ${ms} ms; it is tried again later`,
    { retryable: true },
  );
}

function syncError(controller: string, ms: number): KubeError {
  return new KubeError(
    'CacheNotSynced',
    `controller ${controller}: no first list within ${ms} ms; look for list errors of its caches`,
    { retryable: true },
  );
}
