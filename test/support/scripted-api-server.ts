import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ConnectSettings } from '../../operator/kube/client/connect-settings.ts';
import type { CredentialState, Credentials } from '../../operator/kube/client/credentials.ts';
import { loopbackCertificate } from './fault-proxy/certificate.ts';

/** One request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly session: ServerHttp2Session;
}

/** Plays the API server for one request; `stream` is the answer's. */
export type Script = (request: SeenRequest, stream: ServerHttp2Stream, index: number) => void;

/**
 * An HTTP/2 server over TLS on loopback that answers by a script: for what a real API server does
 * not do on command.
 */
export class ScriptedApiServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly #server: Http2SecureServer;
  readonly #certificate: string;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #streams = new Set<ServerHttp2Stream>();
  readonly #waiting = new Set<() => void>();
  connections = 0;
  script: Script;

  private constructor(server: Http2SecureServer, certificate: string, script: Script) {
    this.#server = server;
    this.#certificate = certificate;
    this.script = script;
    server.on('session', (session) => {
      this.connections += 1;
      this.#sessions.add(session);
      session.once('close', () => {
        this.#sessions.delete(session);
        this.#changed();
      });
      session.on('error', () => undefined);
      this.#changed();
    });
    server.on('sessionError', () => undefined);
    server.on('tlsClientError', () => undefined);
    server.on('stream', (stream, headers) => {
      this.#streams.add(stream);
      stream.on('error', () => undefined);
      stream.once('close', () => {
        this.#streams.delete(stream);
        this.#changed();
      });
      void this.#take(stream, headers).catch(() => undefined);
    });
  }

  static async start(script: Script): Promise<ScriptedApiServer> {
    const { key, certificate } = await loopbackCertificate();
    const server = createSecureServer({ key, cert: certificate });
    const scripted = new ScriptedApiServer(server, certificate, script);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return scripted;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connect(): ConnectSettings {
    return connectSettings(this.url, this.#certificate);
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** A kubeconfig for this server; `user` is its only user. */
  kubeconfig(user: Readonly<Record<string, unknown>> = {}): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'here',
      contexts: [{ name: 'here', context: { cluster: 'scripted', user: 'tester' } }],
      users: [{ name: 'tester', user }],
      clusters: [
        {
          name: 'scripted',
          cluster: {
            server: this.url,
            'certificate-authority-data': Buffer.from(this.#certificate).toString('base64'),
          },
        },
      ],
    });
  }

  /** Resolves once `holds` does; looked at whenever a request, stream or session comes or goes. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
  }

  /** Breaks every connection, as a restarted server does. */
  breakConnections(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.breakConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) {
    const session = stream.session as ServerHttp2Session;
    const request: SeenRequest = {
      method: String(headers[':method']),
      path: String(headers[':path']),
      headers,
      body: await text(stream),
      session,
    };
    this.requests.push(request);
    this.script(request, stream, this.requests.length - 1);
    this.#changed();
  }

  #changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** One whole JSON answer. */
export function answer(
  stream: ServerHttp2Stream,
  status: number,
  body: unknown = {},
  headers: Readonly<Record<string, string>> = {},
): void {
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
  stream.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A Status body as the API server gives it. */
export function statusBody(code: number, reason: string, message = reason): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

function connectSettings(server: string, ca: string): ConnectSettings {
  const tls = {
    ca,
    cert: undefined,
    key: undefined,
    pfx: undefined,
    passphrase: undefined,
    rejectUnauthorized: undefined,
    servername: undefined,
  };
  return { server, tls, proxyUrl: undefined };
}

/** Credentials that tests turn by hand. */
export class HeldCredentials implements Credentials {
  renewals = 0;
  state: CredentialState;
  /** Told of each renewal; may change `state`. */
  onRenew: () => void = () => undefined;

  constructor(connect: ConnectSettings, token = 'first') {
    this.state = { headers: { authorization: `Bearer ${token}` }, connect };
  }

  async current(): Promise<CredentialState> {
    return this.state;
  }

  async renew(): Promise<CredentialState> {
    this.renewals += 1;
    this.onRenew();
    return this.state;
  }

  /** The same server by another port. */
  through(port: number): void {
    const connect = { ...this.state.connect, server: `https://127.0.0.1:${port}` };
    this.state = { ...this.state, connect };
  }

  turn(token: string): void {
    this.state = { ...this.state, headers: { authorization: `Bearer ${token}` } };
  }
}
