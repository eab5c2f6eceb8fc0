import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import type { Clock } from '../base/clock.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { type Backoff, backoffMs, retryAfterMs, UPSTREAM_BACKOFF } from './backoff.ts';
import { withModelName } from './chat-request.ts';
import { redactKeys } from './redact-keys.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from './upstream.ts';

export interface OpenAiUpstreamOptions {
  /** For logs and reports. */
  readonly name: string;
  /** For example `https://api.example.org/v1`; `/chat/completions` is added. */
  readonly baseUrl: string;
  /** Sent as bearer; absent: no authorization header. */
  readonly apiKey: string | undefined;
  /** The endpoint's name of the model, where it differs from the one that agents ask for. */
  readonly modelName?: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly backoff?: Backoff;
  /** How the endpoint's name becomes an address; absent: the system's way. */
  readonly lookup?: LookupFunction;
}

/** Statuses that another try can change; every 5xx is one too. */
const RETRYABLE: ReadonlySet<number> = new Set([408, 409, 425, 429]);
/** A server may ask for a long pause; longer than this it is asked again all the same. */
const MAX_RETRY_AFTER_MS = 120_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Least time between two warnings about one endpoint. */
const QUIET_MS = 10_000;
const ERROR_TEXT_BYTES = 2048;
const MESSAGE_CHARS = 300;
/**
 * How OpenAI marks a 429 that means "pay", not "wait" (its error code guide). A text that a message
 * quotes has its quotes escaped, so an agent cannot bring this about.
 */
const USED_UP = /"(?:code|type)"\s*:\s*"insufficient_quota"/;

/** An endpoint that speaks OpenAI chat completions over HTTP. */
export class OpenAiUpstream implements Upstream, AsyncDisposable {
  readonly name: string;
  readonly #options: OpenAiUpstreamOptions;
  readonly #url: string;
  readonly #agent: Agent;
  #answered = false;
  /** Monotonic milliseconds of the last warning, and failures since then that had none. */
  #told = { at: Number.NEGATIVE_INFINITY, since: 0 };

  constructor(options: OpenAiUpstreamOptions) {
    this.name = options.name;
    this.#options = options;
    this.#url = chatUrl(options.baseUrl);
    // Time-outs are the caller's signal: a long answer without bytes is normal for a slow model.
    this.#agent = new Agent({
      connections: 512,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        ...(options.lookup && { lookup: options.lookup }),
      },
    });
  }

  get answered(): boolean {
    return this.#answered;
  }

  async chat(ask: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    const { modelName, clock, random } = this.#options;
    const body = modelName === undefined ? ask.body : withModelName(ask.body, modelName);
    const giveUpAt = clock.monotonic() + (ask.retryMs ?? Number.POSITIVE_INFINITY);
    let last = 'not asked';
    for (let failures = 1; ; failures += 1) {
      let pause: number | undefined;
      try {
        const response = await this.#post(ask, body, signal);
        const status = response.statusCode;
        if (status >= 200 && status < 300) this.#answered = true;
        if (status < 500 && !RETRYABLE.has(status)) return passOn(response);
        const said = await drain(response);
        if (status === 429 && USED_UP.test(said)) return passOn(response, said);
        last = `status ${status}: ${this.redact(said).slice(0, MESSAGE_CHARS)}`;
        pause = retryAfterMs(singleHeader(response.headers['retry-after']), clock.now());
      } catch (thrown) {
        // What the endpoint said before the deadline tells more than that it passed.
        if (!signal.aborted || failures === 1) last = this.redact(errorMessage(thrown));
      }
      if (signal.aborted) throw this.#gaveUp(failures, last, signal.reason);
      if (clock.monotonic() >= giveUpAt) throw this.#gaveUp(failures, last, undefined);
      this.#tell(failures, last);
      const wait = backoffMs(this.#options.backoff ?? UPSTREAM_BACKOFF, failures, random());
      const asked = Math.max(wait, Math.min(pause ?? 0, MAX_RETRY_AFTER_MS));
      ask.onRetry?.(last, asked);
      try {
        await clock.sleep(Math.min(asked, giveUpAt - clock.monotonic()), signal);
      } catch (thrown) {
        throw this.#gaveUp(failures, last, thrown);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  #post(ask: UpstreamRequest, body: Uint8Array, signal: AbortSignal) {
    const key = this.#options.apiKey;
    return request(this.#url, {
      method: 'POST',
      dispatcher: this.#agent,
      body,
      signal,
      // No accept-encoding: the answer is recorded and metered as it comes.
      headers: {
        'content-type': 'application/json',
        accept: ask.accept,
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
    });
  }

  /** What goes into logs and messages: an endpoint may quote the key that it was sent. */
  redact(said: string): string {
    return redactKeys(said, this.#options.apiKey);
  }

  /** Every call of a run fails at once where an endpoint is down or limits rates: one line in a while says so. */
  #tell(failures: number, last: string): void {
    const { clock, logger } = this.#options;
    const now = clock.monotonic();
    if (now - this.#told.at < QUIET_MS) {
      this.#told.since += 1;
      return;
    }
    const unsaid = this.#told.since === 0 ? {} : { otherFailures: this.#told.since };
    this.#told = { at: now, since: 0 };
    logger.warn(
      { upstream: this.name, failures, last, ...unsaid },
      'model endpoint failed, asking again',
    );
  }

  #gaveUp(failures: number, last: string, cause: unknown): ClawError {
    return new ClawError(
      'UpstreamFailed',
      `model endpoint ${this.name} gave no answer in ${failures} tries; the last: ${last}`,
      { cause },
    );
  }
}

function chatUrl(baseUrl: string): string {
  const url = URL.parse(baseUrl);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ClawError(
      'InvalidInput',
      `model base URL ${JSON.stringify(baseUrl)}: expected http(s)://HOST[:PORT]/PATH, for example http://127.0.0.1:8000/v1`,
    );
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/chat/completions`;
  return url.href;
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** `said`: the body's start, where it was read already. */
function passOn(response: Dispatcher.ResponseData, said?: string): UpstreamResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    const single = singleHeader(value);
    if (single !== undefined && !HOP_BY_HOP.has(name)) headers[name] = single;
  }
  const body = said === undefined ? response.body : Readable.from([Buffer.from(said)]);
  return { status: response.statusCode, headers, body };
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** The start of a refused answer, for the message; the rest is dropped. */
async function drain(response: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.byteLength;
    if (size >= ERROR_TEXT_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
