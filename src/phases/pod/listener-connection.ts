import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type SecureContext, setDefaultCACertificates } from 'node:tls';
import { ClawError } from '../../base/error.ts';
import { SERVER_HOST } from '../../protocol/pod-contract.ts';

export interface ConnectionOptions {
  /** `https://host:port`; whatever the host, the certificate must be for `SERVER_HOST`. */
  readonly serverUrl: string;
  /** PEM certificates, and the only ones that are trusted. */
  readonly ca: string;
  /** Made of `ca` alone. For a process that plays the programs of thousands of pods; else each connection makes its own. */
  readonly secureContext?: SecureContext;
  readonly maxSockets?: number;
  /** How long a server may take to read the head of a request with `onTaken`; default 15 s. */
  readonly takenMs?: number;
}

export interface Outgoing {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Uint8Array | Readable | null;
  readonly signal: AbortSignal;
  /** So long nothing may come or go; 0: for ever. */
  readonly idleMs: number;
  /**
   * Told when the server has read the head of the request. Who asks for it may wait long for the answer:
   * a server that does not take the request in time, or vanishes later without a word, as its node may,
   * fails the request all the same.
   */
  readonly onTaken?: (() => void) | undefined;
}

const TAKEN_MS = 15_000;
/** Then the kernel asks each second, ten times, whether the other end is there still. */
const QUIET_MS = 10_000;

/**
 * Connections to the sandbox listener, kept alive. Node's own client: the programs of a pod start
 * once a rollout and live in its smallest containers, and every megabyte that they load counts there.
 */
export class ListenerConnection {
  readonly #origin: URL;
  readonly #agent: Agent;
  readonly #takenMs: number;

  constructor(options: ConnectionOptions) {
    this.#origin = parsedOrigin(options.serverUrl);
    this.#takenMs = options.takenMs ?? TAKEN_MS;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: options.maxSockets ?? 8,
      ca: options.ca,
      ...(options.secureContext === undefined ? {} : { secureContext: options.secureContext }),
      servername: SERVER_HOST,
    });
  }

  /** Resolves with the head of the answer; rejects where the connection fails or falls silent. */
  async send(outgoing: Outgoing): Promise<IncomingMessage> {
    const { method, path, headers, body, signal, idleMs, onTaken } = outgoing;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = httpsRequest({
      agent: this.#agent,
      hostname: this.#origin.hostname,
      port: this.#origin.port,
      method,
      path,
      headers: onTaken === undefined ? headers : { ...headers, expect: '100-continue' },
      signal,
      timeout: idleMs,
    });
    if (onTaken !== undefined) watchTaken(request, this.#takenMs, onTaken);
    request.once('response', resolve);
    request.on('error', reject);
    request.once('timeout', () => {
      const message = `the server was silent for ${idleMs / 1000} s`;
      request.destroy(new ClawError('Timeout', message, { retryable: true }));
    });
    if (body === null || body instanceof Uint8Array) request.end(body ?? undefined);
    else pipeline(body, request).catch(reject);
    return await promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function watchTaken(request: ClientRequest, limitMs: number, onTaken: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  const give = (): void => {
    const message = `the server did not take the request within ${limitMs / 1000} s`;
    request.destroy(new ClawError('Timeout', message));
  };
  // Not before: a request may wait for a free connection.
  request.once('socket', () => {
    timer = setTimeout(give, limitMs);
  });
  request.once('continue', () => {
    clearTimeout(timer);
    request.socket?.setKeepAlive(true, QUIET_MS);
    onTaken();
  });
  for (const event of ['response', 'close']) request.once(event, () => clearTimeout(timer));
}

/**
 * For a program whose every connection names its authority, before the first one: reading those that
 * Node brings for all others takes longer than the rest of a connection.
 */
export function trustNobodyByDefault(): void {
  setDefaultCACertificates([]);
}

function parsedOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:') return url;
  throw new ClawError(
    'InvalidInput',
    `server address ${JSON.stringify(text)}: expected https://HOST:PORT`,
  );
}
