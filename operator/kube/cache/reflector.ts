import { isExpired, isRefusal, KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { Backoff } from './backoff.ts';
import type { ListReason } from './cache-metrics.ts';
import type { ReflectorContext } from './reflector-context.ts';
import { listAll } from './reflector-list.ts';
import { watchFrom } from './reflector-watch.ts';

/** Failures of the way, not of the watch: the version is kept however often they come. */
const CONNECTION_CODES: readonly string[] = [
  'ConnectionFailed',
  'RequestTimeout',
  'TooManyRequests',
];

/**
 * Keeps a target equal to what the API server has: one list, then watches that follow each other,
 * and a new list only where the version is gone or errors do not end. One loop, one signal: nothing
 * is opened after it aborts. Resolves then; never rejects.
 */
export async function runReflector<T extends KubeObject>(
  context: ReflectorContext<T>,
  signal: AbortSignal,
): Promise<void> {
  const loop = new ReflectorLoop(context, signal);
  while (!signal.aborted) {
    const delayMs = await loop.round();
    if (delayMs > 0 && !signal.aborted)
      await context.clock.sleep(delayMs, signal).catch(() => undefined);
  }
}

class ReflectorLoop<T extends KubeObject> {
  readonly #context: ReflectorContext<T>;
  readonly #signal: AbortSignal;
  readonly #backoff: Backoff;
  /** Where the next watch begins; undefined where a list has to come first. */
  #version: string | undefined;
  #reason: ListReason = 'start';
  /** Where the next list may read from; undefined: the newest. */
  #listFrom: string | undefined;
  #failures = 0;

  constructor(context: ReflectorContext<T>, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    this.#backoff = new Backoff(context.numbers.backoff, context.clock, context.random);
    this.#listFrom = context.listFrom === 'server-cache' ? '0' : undefined;
  }

  /** One list or one watch. Gives the milliseconds to wait before the next. */
  async round(): Promise<number> {
    return this.#version === undefined ? this.#list() : this.#watch(this.#version);
  }

  async #list(): Promise<number> {
    const { clock, metrics, name, target } = this.#context;
    const startMs = clock.monotonic();
    target.listing();
    try {
      const version = await listAll(this.#context, this.#listFrom, this.#signal);
      this.#advance(version);
      metrics.listed(name, this.#reason, (clock.monotonic() - startMs) / 1000);
      target.listed(version);
      return 0;
    } catch (thrown) {
      const error = this.#failed('list', thrown);
      if (!error) return 0;
      if (isRefusal(error)) target.refused(error);
      const versionRefused = this.#listFrom !== undefined && isVersionUnavailable(error);
      if (!versionRefused) return this.#backoff.next(error.retryAfterMs);
      this.#listFrom = undefined;
      return 0;
    }
  }

  async #watch(version: string): Promise<number> {
    const { clock, numbers } = this.#context;
    const startMs = clock.monotonic();
    let error: KubeError | undefined;
    let events = 0;
    const advance = (newer: string): void => {
      events += 1;
      this.#advance(newer);
    };
    try {
      await watchFrom(this.#context, version, advance, this.#signal);
    } catch (thrown) {
      error = this.#failed('watch', thrown);
    }
    if (this.#signal.aborted) return 0;
    const lived = clock.monotonic() - startMs > numbers.healthyAfterMs;
    const healthy = lived || events >= numbers.healthyAfterEvents;
    if (healthy) this.#backoff.reset();
    if (!error && healthy) return 0;
    if (error) this.#decideRelist(error, this.#version !== version);
    return this.#backoff.next(error?.retryAfterMs);
  }

  #decideRelist(error: KubeError, advanced: boolean): void {
    if (advanced) this.#failures = 0;
    if (CONNECTION_CODES.includes(error.code)) return;
    this.#failures += 1;
    if (this.#failures >= this.#context.numbers.relistAfterFailures)
      this.#relist('repeated_errors');
    if (isExpired(error)) this.#relist('expired');
  }

  #relist(reason: ListReason): void {
    this.#listFrom = this.#context.listFrom === 'server-cache' ? this.#version : undefined;
    if (reason === 'expired') this.#listFrom = undefined;
    this.#version = undefined;
    this.#reason = reason;
    this.#failures = 0;
  }

  #advance(version: string): void {
    this.#version = version;
    this.#context.target.advance(version);
  }

  /** Counts and logs a failure; undefined where it is only the end of the reflector. */
  #failed(at: 'list' | 'watch', thrown: unknown): KubeError | undefined {
    if (this.#signal.aborted) return undefined;
    const { logger, metrics, name } = this.#context;
    const error =
      thrown instanceof KubeError
        ? thrown
        : new KubeError('InvalidAnswer', `${at} of ${name}: ${String(thrown)}`, { cause: thrown });
    metrics.failed(name, at, error.code);
    if (at === 'watch' && error === thrown && error.code === 'InvalidAnswer')
      metrics.invalidAnswer(name);
    const fields = { cache: name, at, code: error.code, httpStatus: error.httpStatus, error };
    logger.warn(fields, `${at} of ${name} failed: ${error.message}`);
    return error;
  }
}

/** 410, or the answer to a version that this server has not reached yet. */
function isVersionUnavailable(error: KubeError): boolean {
  const tooNew = error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge');
  return tooNew || isExpired(error);
}
