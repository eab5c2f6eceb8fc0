import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ClawError } from '../../base/error.ts';
import { SERVER_HOST } from '../../protocol/pod-contract.ts';

export interface ConnectionOptions {
  /** `https://host:port`; whatever the host, the certificate must be for `SERVER_HOST`. */
  readonly serverUrl: string;
  /** PEM certificates, and the only ones that are trusted. */
  readonly ca: string;
  readonly maxSockets?: number;
}

export interface Outgoing {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Uint8Array | Readable | null;
  readonly signal: AbortSignal;
  /** So long nothing may come or go; 0: for ever. */
  readonly idleMs: number;
}

/**
 * Connections to the sandbox listener, kept alive. Node's own client: the programs of a pod start
 * once a rollout and live in its smallest containers, and every megabyte that they load counts there.
 */
export class ServerConnection {
  readonly #origin: URL;
  readonly #agent: Agent;

  constructor(options: ConnectionOptions) {
    this.#origin = parsedOrigin(options.serverUrl);
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: options.maxSockets ?? 8,
      ca: options.ca,
      servername: SERVER_HOST,
    });
  }

  /** Resolves with the head of the answer; rejects where the connection fails or falls silent. */
  async send(outgoing: Outgoing): Promise<IncomingMessage> {
    const { method, path, headers, body, signal, idleMs } = outgoing;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = httpsRequest({
      agent: this.#agent,
      hostname: this.#origin.hostname,
      port: this.#origin.port,
      method,
      path,
      headers,
      signal,
      timeout: idleMs,
    });
    request.once('response', resolve);
    request.on('error', reject);
    request.once('timeout', () => {
      request.destroy(new ClawError('Timeout', `the server was silent for ${idleMs / 1000} s`));
    });
    if (body === null || body instanceof Uint8Array) request.end(body ?? undefined);
    else pipeline(body, request).catch(reject);
    return await promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parsedOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:') return url;
  throw new ClawError(
    'InvalidInput',
    `server address ${JSON.stringify(text)}: expected https://HOST:PORT`,
  );
}
