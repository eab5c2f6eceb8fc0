import type { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { BodyPump, type BodySink } from './body-pump.ts';
import { type BodyFault, type Fault, isBodyFault, positionOf, statusObject } from './faults.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { RuleBook, RuleSheet } from './rules.ts';
import type { UpstreamClient } from './upstream.ts';

export type ServerSideRequest = IncomingMessage | Http2ServerRequest;
export type ServerSideAnswer = ServerResponse | Http2ServerResponse;

/** What an exchange asks of the connection it runs on. */
export interface ConnectionFaults {
  reset(): void;
  /** Resets the connection once the client has had what was sent so far. */
  resetAfterData(): void;
  /** No byte in either direction, until the returned function is called. */
  swallow(): () => void;
  goaway(): void;
  refuse(forMs: number): void;
}

export interface ExchangeParts {
  readonly request: ProxiedRequest;
  readonly incoming: ServerSideRequest;
  readonly answer: ServerSideAnswer;
  readonly rules: RuleBook;
  readonly upstream: UpstreamClient;
  readonly connection: ConnectionFaults;
  /** Ends with the proxy. */
  readonly signal: AbortSignal;
  readonly counted: (events: number, bytes: number) => void;
}

/** Headers that belong to one connection, and what the proxy decides itself. */
const OWN_HEADERS = new Set(
  'connection keep-alive proxy-connection transfer-encoding upgrade te trailer host content-length http2-settings'.split(
    ' ',
  ),
);

/** One request through the proxy, from its arrival to the end of its answer. */
export class Exchange {
  readonly #parts: ExchangeParts;
  readonly #sheet: RuleSheet;
  readonly #gone = new AbortController();
  readonly #signal: AbortSignal;
  /** Writes that have not left this process yet, and what waits for them. */
  #unsent = 0;
  #whenSent: (() => void) | undefined;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.#sheet = parts.rules.sheet(parts.request);
    this.#signal = AbortSignal.any([parts.signal, this.#gone.signal]);
    parts.answer.on('close', () => this.#gone.abort());
    parts.answer.on('error', () => this.#gone.abort());
  }

  async run(): Promise<void> {
    if ((await this.#requestFaults()) === 'over') return;
    const { incoming, request } = this.#parts;
    let answer: IncomingMessage;
    try {
      answer = await this.#parts.upstream.call({
        method: request.method,
        target: incoming.url ?? '/',
        headers: requestHeaders(incoming, request.verb === 'watch'),
        body: incoming,
        signal: this.#signal,
      });
    } catch {
      // The client cannot tell a proxy from its server: no answer there is no answer here.
      if (!this.#signal.aborted) this.#parts.connection.reset();
      return;
    }
    if ((await this.#early('answer')) === 'over') {
      answer.destroy();
      return;
    }
    await this.#body(answer);
  }

  async #requestFaults(): Promise<'on' | 'over'> {
    for (const live of this.#sheet.matching()) {
      const { fault } = live.rule;
      if (isBodyFault(fault) || !this.#sheet.take(live)) continue;
      if (fault.kind === 'delay') {
        await delay(fault.ms, undefined, { signal: this.#signal }).catch(() => undefined);
        if (this.#signal.aborted) return 'over';
        continue;
      }
      if (fault.kind === 'refuse') this.#parts.connection.refuse(fault.forMs);
      else this.#status(fault);
      return 'over';
    }
    return this.#early('request');
  }

  async #early(position: 'request' | 'answer'): Promise<'on' | 'over'> {
    for (const live of this.#sheet.matching()) {
      const { fault } = live.rule;
      if (!isBodyFault(fault) || positionOf(fault) !== position) continue;
      if (!this.#sheet.take(live)) continue;
      if (fault.kind === 'reset') {
        if (!this.#resetStream(fault)) this.#parts.connection.reset();
        return 'over';
      }
      const release = this.#swallow(fault);
      const forMs = fault.kind === 'stall' ? fault.forMs : undefined;
      if (forMs === undefined) return 'over';
      await delay(forMs, undefined, { signal: this.#signal }).catch(() => undefined);
      release();
      if (this.#signal.aborted) return 'over';
    }
    return 'on';
  }

  #status(fault: Extract<Fault, { kind: 'status' }>): void {
    const { answer, incoming } = this.#parts;
    incoming.resume();
    answer.statusCode = fault.status;
    answer.setHeader('content-type', 'application/json');
    if (fault.retryAfterSeconds !== undefined)
      answer.setHeader('retry-after', String(fault.retryAfterSeconds));
    answer.end(JSON.stringify(statusObject(fault)));
  }

  async #body(from: IncomingMessage): Promise<void> {
    const { answer, request, rules } = this.#parts;
    answer.statusCode = from.statusCode ?? 502;
    for (const [name, value] of Object.entries(from.headers))
      if (value !== undefined && !OWN_HEADERS.has(name)) answer.setHeader(name, value);
    if (answer.statusCode === 204 || answer.statusCode === 304 || request.method === 'HEAD') {
      from.resume();
      answer.end();
      return;
    }
    if ('stream' in answer) answer.writeHead(answer.statusCode);
    else answer.flushHeaders();
    const ended = Promise.withResolvers<void>();
    const pump: BodyPump = new BodyPump(
      this.#sheet,
      this.#sink(from, () => pump.resume(), ended.resolve),
      request.verb === 'watch',
    );
    const unwatch = rules.watch(() => pump.poke());
    from.on('data', (chunk: Buffer) => pump.push(chunk));
    from.on('end', () => pump.finish());
    // 'aborted' and errors of the server's body: the connection breaks here as it broke there.
    from.on('error', () => {
      pump.stop();
      if (!this.#signal.aborted) this.#parts.connection.reset();
      ended.resolve();
    });
    const leave = () => {
      pump.stop();
      ended.resolve();
    };
    this.#signal.addEventListener('abort', leave, { once: true });
    pump.poke();
    await ended.promise;
    this.#signal.removeEventListener('abort', leave);
    unwatch();
    from.destroy();
  }

  #sink(from: IncomingMessage, resume: () => void, ended: () => void): BodySink {
    const { answer, connection, counted } = this.#parts;
    return {
      pass: (bytes) => {
        counted(0, bytes.length);
        if (this.#write(bytes) || from.isPaused()) return;
        from.pause();
        answer.once('drain', () => from.resume());
      },
      count: (events) => counted(events, 0),
      end: (fault) => {
        if (fault?.kind === 'goaway') connection.goaway();
        answer.end();
        ended();
      },
      reset: (fault) => {
        this.#whenSent = () => {
          this.#whenSent = undefined;
          if (!this.#resetStream(fault)) connection.resetAfterData();
        };
        if (this.#unsent === 0) this.#whenSent();
        // The end of the answer, or of the proxy, ends the exchange.
        from.destroy();
      },
      stall: (fault) => {
        const release = this.#swallow(fault);
        if (fault.kind !== 'stall' || fault.forMs === undefined) {
          from.destroy();
          return;
        }
        delay(fault.forMs, undefined, { signal: this.#signal }).then(
          () => {
            release();
            resume();
          },
          () => undefined,
        );
      },
    };
  }

  #resetStream(fault: BodyFault): boolean {
    const { answer } = this.#parts;
    if (fault.kind !== 'reset' || fault.scope !== 'stream' || !('stream' in answer)) return false;
    answer.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    return true;
  }

  #write(bytes: Uint8Array): boolean {
    const { answer } = this.#parts;
    const sent = () => {
      this.#unsent -= 1;
      if (this.#unsent === 0) this.#whenSent?.();
    };
    this.#unsent += 1;
    return 'stream' in answer ? answer.write(bytes, sent) : answer.write(bytes, sent);
  }

  #swallow(fault: BodyFault): () => void {
    return fault.kind === 'stall' && fault.scope === 'connection'
      ? this.#parts.connection.swallow()
      : () => undefined;
  }
}

function requestHeaders(
  incoming: ServerSideRequest,
  watch: boolean,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value === undefined || name.startsWith(':')) continue;
    if (name === 'content-length' || !OWN_HEADERS.has(name)) headers[name] = value;
  }
  // Lines of a watch are counted and cut: they must not come compressed.
  if (watch) headers['accept-encoding'] = 'identity';
  return headers;
}
