import type { Dispatcher } from 'undici';
import type { Clock } from '../base/clock.ts';
import { KubeError } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import { beforeSend } from './before-send.ts';
import { CallDeadline } from './call-deadline.ts';
import { CallGate } from './call-gate.ts';
import type { ConnectSettings } from './connect-settings.ts';
import { ConnectionPool, POOL_TIMES, type PoolTimes } from './connection-pool.ts';
import type { CredentialState, Credentials } from './credentials.ts';
import { noRequestMetrics, type RequestMetrics } from './request-metrics.ts';
import { parseRetryAfter, retryWait } from './retry-after.ts';
import { errorOfAnswer } from './status-object.ts';
import type { KubeRequest, Transport } from './transport.ts';
import { connectionError } from './transport-errors.ts';

export interface TransportOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `clawgym-operator/VERSION (…)`: the API server's logs and metrics show it. */
  readonly userAgent: string;
  readonly metrics?: RequestMetrics;
  readonly times?: Partial<PoolTimes>;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** Below the 100 streams of one HTTP/2 connection, so that a burst of calls stays on it. */
const MAX_REQUESTS_IN_FLIGHT = 96;

/**
 * The transport to a real API server. Retries what the server asked to retry (Retry-After, at most
 * 10 times, within the call's deadline) and once after a 401; nothing else: a caller knows better
 * when to come back. Requests in flight are bounded; the others wait in the order of their coming.
 * A write that ends with `Aborted`, `RequestTimeout` or `ConnectionFailed` may have been executed.
 * A stream must be read to its end, left by `break` or aborted; else it stays open.
 */
export function createTransport(options: TransportOptions): Transport {
  return new UndiciTransport(options);
}

class UndiciTransport implements Transport {
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #userAgent: string;
  readonly #metrics: RequestMetrics;
  readonly #times: PoolTimes;
  readonly #gate = new CallGate(MAX_REQUESTS_IN_FLIGHT);
  readonly #draining = new Set<ConnectionPool>();
  #pool: { readonly settings: ConnectSettings; readonly pool: ConnectionPool } | undefined;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#credentials = options.credentials;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#userAgent = options.userAgent;
    this.#metrics = options.metrics ?? noRequestMetrics;
    this.#times = { ...POOL_TIMES, ...options.times };
  }

  async request(request: KubeRequest): Promise<unknown> {
    const deadline = this.#deadlineOf(request);
    try {
      return await this.#observed(request, deadline, async () => {
        const { text, statusCode } = await this.#answer(request, deadline, (state) =>
          this.#whole(request, state, deadline),
        );
        return { code: statusCode, value: parseAnswer(request, text) };
      });
    } finally {
      deadline.end();
    }
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<Uint8Array>> {
    const deadline = this.#deadlineOf(request);
    try {
      return await this.#observed(request, deadline, async () => {
        const { body, statusCode } = await this.#answer(request, deadline, (state) =>
          this.#head(request, state, deadline),
        );
        deadline.disarm();
        return { code: statusCode, value: this.#chunks(request, deadline, body) };
      });
    } catch (thrown) {
      deadline.end();
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const pools = [...this.#draining, ...(this.#pool === undefined ? [] : [this.#pool.pool])];
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #deadlineOf(request: KubeRequest): CallDeadline {
    return new CallDeadline(this.#clock, request.signal, request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  }

  async #observed<T>(
    request: KubeRequest,
    deadline: CallDeadline,
    call: () => Promise<{ readonly code: number; readonly value: T }>,
  ): Promise<T> {
    const labels = { verb: request.verb, resource: request.resource };
    const observe = (code: string): void =>
      this.#metrics.answered(labels, code, deadline.elapsedMs / 1000);
    try {
      if (this.#closed) throw closed(request);
      const { code, value } = await call();
      observe(String(code));
      return value;
    } catch (thrown) {
      const place = placeOf(request);
      // What the server said counts, also where the caller gave up meanwhile.
      const error =
        thrown instanceof KubeError
          ? thrown
          : (deadline.interruption(place) ?? connectionError(place, thrown));
      observe(String(error.httpStatus ?? error.code));
      throw error;
    }
  }

  /** A 2xx answer; every other one is retried where the server asked for it, else thrown. */
  async #answer<A extends Answer>(
    request: KubeRequest,
    deadline: CallDeadline,
    exchange: (state: CredentialState) => Promise<A>,
  ): Promise<A> {
    let state = await deadline.race(this.#credentials.current());
    let renewed = false;
    for (let retries = 0; ; ) {
      // Also after a renewal: an abort meanwhile must not send anything.
      deadline.signal.throwIfAborted();
      const answer = await exchange(state);
      if (answer.statusCode < 300) return answer;
      const error = errorOfAnswer({
        place: placeOf(request),
        httpStatus: answer.statusCode,
        body: answer.text,
        retryAfterMs: parseRetryAfter(answer.headers['retry-after']),
      });
      const wait = retryWait(request, error, { retries, remainingMs: deadline.remainingMs });
      if (error.httpStatus === 401 && !renewed) {
        renewed = true;
        state = await deadline.race(this.#credentials.renew(state));
      } else if (wait === undefined) throw error;
      else {
        retries += 1;
        await this.#clock.sleep(wait, deadline.signal);
        state = await deadline.race(this.#credentials.current());
      }
      this.#metrics.retried(request, String(answer.statusCode));
    }
  }

  /** Holds its place at the gate for one exchange only, never while it waits to try again. */
  async #whole(
    request: KubeRequest,
    state: CredentialState,
    deadline: CallDeadline,
  ): Promise<Answer> {
    await this.#gate.enter(deadline.signal);
    this.#metrics.inFlight('request', 1);
    try {
      const { statusCode, headers, body } = await this.#send(request, state, deadline, 'requests');
      return { statusCode, headers, text: await body.text() };
    } finally {
      this.#metrics.inFlight('request', -1);
      this.#gate.leave();
    }
  }

  async #head(
    request: KubeRequest,
    state: CredentialState,
    deadline: CallDeadline,
  ): Promise<Answer & Pick<Dispatcher.ResponseData, 'body'>> {
    const { statusCode, headers, body } = await this.#send(request, state, deadline, 'streams');
    return { statusCode, headers, body, text: statusCode < 300 ? '' : await body.text() };
  }

  async #send(
    request: KubeRequest,
    state: CredentialState,
    deadline: CallDeadline,
    kind: 'requests' | 'streams',
  ): Promise<Dispatcher.ResponseData> {
    // Disposed while credentials were read: a new pool would have no owner.
    if (this.#closed) throw closed(request);
    const pool = this.#poolFor(state.connect);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const { beforeSend: check } = request;
    const dispatcher = check === undefined ? pool[kind] : pool[kind].compose(beforeSend(check));
    return dispatcher.request({
      origin: pool.origin,
      path: pool.prefix + request.path + queryText(request.query),
      method: request.method,
      headers: {
        ...state.headers,
        accept: request.accept ?? 'application/json',
        'user-agent': this.#userAgent,
        ...(body === undefined
          ? {}
          : { 'content-type': request.contentType ?? 'application/json' }),
      },
      body: body ?? null,
      signal: deadline.signal,
    });
  }

  /** A change of server, CA or client certificate gets new connections; the old ones run out. */
  #poolFor(settings: ConnectSettings): ConnectionPool {
    if (this.#pool?.settings === settings) return this.#pool.pool;
    const old = this.#pool?.pool;
    const pool = new ConnectionPool(settings, this.#metrics, this.#times);
    this.#pool = { settings, pool };
    if (old !== undefined) {
      this.#draining.add(old);
      old
        .drain()
        .catch((thrown: unknown) =>
          this.#logger.warn({ error: thrown }, 'cannot close old connections'),
        )
        .finally(() => this.#draining.delete(old));
    }
    return pool;
  }

  async *#chunks(
    request: KubeRequest,
    deadline: CallDeadline,
    body: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    this.#metrics.inFlight('stream', 1);
    try {
      yield* body;
    } catch (thrown) {
      if (!deadline.signal.aborted) throw connectionError(placeOf(request), thrown);
    } finally {
      this.#metrics.inFlight('stream', -1);
      deadline.end();
    }
  }
}

/** One exchange with the server; `text` is the body of an answer that is not read as a stream. */
interface Answer {
  readonly statusCode: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
}

function closed(request: KubeRequest): KubeError {
  return new KubeError('ConnectionFailed', `${placeOf(request)}: the transport is closed`);
}

/** The text stays out of the message, and the parser's error with it: it may be a Secret's. */
function parseAnswer(request: KubeRequest, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new KubeError(
      'InvalidAnswer',
      `${placeOf(request)}: the answer of ${text.length} characters is no JSON; it may be cut or a proxy's`,
      { retryable: true },
    );
  }
}

/** Without the query, which may hold a continue token of a kilobyte. */
function placeOf(request: KubeRequest): string {
  return `${request.verb} ${request.path}`;
}

function queryText(query: KubeRequest['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) parameters.set(name, value);
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
