import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { sha256 } from '../../src/base/digest.ts';
import { SERVER_HOST } from '../../src/protocol/pod-contract.ts';
import {
  type KeyedCertificate,
  makeAuthority,
  makeServing,
} from '../../src/server/tls/certificates.ts';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly bearer: string;
  readonly body: Buffer;
}

export interface ScriptedAnswer {
  readonly status?: number;
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  /** Breaks the connection after so many bytes of the answer's body. */
  readonly breakAfter?: number;
}

export type Script = (
  request: SeenRequest,
) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined>;

const HOUR_MS = 3_600_000;
let authority: Promise<KeyedCertificate> | undefined;

/**
 * A sandbox listener over TLS that answers by a script; artifacts that are put are kept, and given
 * back by digest, where the script has nothing to say. It can be stopped and started again on its port.
 */
export class ScriptedListener implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  readonly artifacts = new Map<string, Uint8Array>();
  readonly ca: string;
  readonly #serving: KeyedCertificate;
  readonly #script: Script;
  #server: Server | undefined;
  #port = 0;

  private constructor(ca: string, serving: KeyedCertificate, script: Script) {
    this.ca = ca;
    this.#serving = serving;
    this.#script = script;
  }

  static async start(script: Script, host = SERVER_HOST): Promise<ScriptedListener> {
    authority ??= makeAuthority(Date.now(), HOUR_MS);
    const ca = await authority;
    const serving = await makeServing(ca, [host], Date.now(), HOUR_MS);
    const listener = new ScriptedListener(ca.certificate, serving, script);
    await listener.start();
    return listener;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const { certificate: cert, key } = this.#serving;
    this.#server = createServer({ cert, key, minVersion: 'TLSv1.3' }, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Somebody has begun to speak to it since it started. */
  async connected(): Promise<void> {
    if (this.#server !== undefined) await once(this.#server, 'secureConnection');
  }

  /** As a killed server: every connection breaks. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  put(bytes: Uint8Array): string {
    const digest = sha256(bytes);
    this.artifacts.set(digest, bytes);
    return digest;
  }

  /** Bodies of the POSTs to a path, as JSON. */
  posted(path: string): unknown[] {
    return this.seen
      .filter((request) => request.path === path && request.body.length > 0)
      .map((request) => JSON.parse(request.body.toString()) as unknown);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = {
      method: request.method ?? '',
      path: request.url ?? '',
      bearer: (request.headers.authorization ?? '').replace(/^Bearer /, ''),
      body: await buffer(request),
    };
    this.seen.push(seen);
    send(response, (await this.#script(seen)) ?? this.#standard(seen));
  }

  #standard({ method, path, body }: SeenRequest): ScriptedAnswer {
    if (method === 'PUT') return { json: { digest: this.put(body), size: body.length } };
    if (method === 'POST') return { json: {} };
    const bytes = this.artifacts.get(path.slice(path.lastIndexOf('/') + 1));
    return bytes === undefined ? { status: 404, json: {} } : { bytes };
  }
}

function send(response: ServerResponse, answer: ScriptedAnswer): void {
  const body = answer.bytes ?? Buffer.from(JSON.stringify(answer.json ?? {}));
  response.writeHead(answer.status ?? 200, { 'content-length': body.byteLength });
  if (answer.breakAfter === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, answer.breakAfter), () => response.destroy());
}
