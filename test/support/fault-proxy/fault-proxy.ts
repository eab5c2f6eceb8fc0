import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { loopbackCertificate } from './certificate.ts';
import {
  type ConnectionFaults,
  Exchange,
  type ServerSideAnswer,
  type ServerSideRequest,
} from './exchange.ts';
import { type ProxiedRequest, resourceOf, verbOf } from './proxied-request.ts';
import { TcpRelay } from './relay.ts';
import { type FaultRule, type Random, RuleBook, type RuleHandle, seededRandom } from './rules.ts';
import { proxyKubeconfig, type Upstream, UpstreamClient } from './upstream.ts';

export interface FaultProxyOptions {
  readonly upstream: Upstream;
  /**
   * `own` (default): calls reach the server with the credentials of `upstream`, whatever token the
   * client sends. `client`: with the client's Authorization alone.
   */
  readonly credentials?: 'own' | 'client';
  /** Default: Mulberry32 with seed 1. */
  readonly random?: Random;
}

export interface FaultProxyCounts {
  readonly requests: number;
  /** Accepted so far. */
  readonly connections: number;
  readonly openConnections: number;
  readonly openRequests: number;
  /** Lines of watches that came from the server, whether they passed or not. */
  readonly watchEvents: number;
  /** Bytes of bodies that reached the client. */
  readonly bytes: number;
  /** By the name of the fault: `reset`, `status-429`, `error-event-410` … */
  readonly injected: Readonly<Record<string, number>>;
}

const KEPT_REQUESTS = 10_000;

/**
 * A proxy in front of a real API server that injects faults by rules. Clients speak to it as to the
 * server: HTTP/1.1 or HTTP/2 over TLS on loopback.
 */
export class FaultProxy implements AsyncDisposable {
  readonly certificate: string;
  readonly #book: RuleBook;
  readonly #upstream: UpstreamClient;
  readonly #server: Http2SecureServer;
  readonly #relay: TcpRelay;
  readonly #closing = new AbortController();
  /** Server's ends of the connections, by the port of the other end. */
  readonly #sockets = new Map<number, Socket>();
  readonly #requests: ProxiedRequest[] = [];
  readonly #open = new Set<Exchange>();
  #count = 0;
  #watchEvents = 0;
  #bytes = 0;

  private constructor(parts: {
    readonly certificate: string;
    readonly server: Http2SecureServer;
    readonly relay: TcpRelay;
    readonly options: FaultProxyOptions;
  }) {
    const { options } = parts;
    this.certificate = parts.certificate;
    this.#server = parts.server;
    this.#relay = parts.relay;
    this.#book = new RuleBook(options.random ?? seededRandom(1));
    this.#upstream = new UpstreamClient(options.upstream, options.credentials === 'client');
    this.#server.on('request', (incoming, answer) => {
      void this.#exchange(incoming, answer);
    });
    this.#server.on('connection', (socket: Socket) => {
      const innerPort = socket.remotePort ?? 0;
      this.#sockets.set(innerPort, socket);
      socket.on('close', () => this.#sockets.delete(innerPort));
    });
    this.#server.on('tlsClientError', () => undefined).on('sessionError', () => undefined);
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const { key, certificate } = await loopbackCertificate();
    const server = createSecureServer({
      key,
      cert: certificate,
      allowHTTP1: true,
      noDelay: true,
      settings: { maxConcurrentStreams: 250 },
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const relay = await TcpRelay.listen((server.address() as AddressInfo).port);
    return new FaultProxy({ certificate, server, relay, options });
  }

  /** `https://127.0.0.1:port`. */
  get url(): string {
    return `https://127.0.0.1:${this.#relay.port}`;
  }

  /** Writes a kubeconfig for this proxy; `token` is what a client will send. */
  async writeKubeconfig(path: string, token = 'fault-proxy'): Promise<void> {
    await writeFile(path, proxyKubeconfig(this.url, this.certificate, token), { mode: 0o600 });
  }

  /** Puts a rule in force, also for answers that are on their way. */
  inject(rule: FaultRule): RuleHandle {
    return this.#book.add(rule);
  }

  /** Takes all rules out. Silent streams stay silent. */
  clear(): void {
    this.#book.clear();
  }

  /** Resets every connection. */
  resetConnections(): void {
    this.#relay.resetAll();
  }

  /** Resets every connection and refuses new ones until `accept`. */
  async refuse(): Promise<void> {
    await this.#relay.close();
  }

  async accept(): Promise<void> {
    if (!this.#closing.signal.aborted) await this.#relay.open();
  }

  get counts(): FaultProxyCounts {
    return {
      requests: this.#count,
      connections: this.#relay.accepted,
      openConnections: this.#relay.openLinks,
      openRequests: this.#open.size,
      watchEvents: this.#watchEvents,
      bytes: this.#bytes,
      injected: this.#book.injected,
    };
  }

  /** The last 10,000 requests, oldest first. */
  get requests(): readonly ProxiedRequest[] {
    return this.#requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#relay[Symbol.asyncDispose]();
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#upstream[Symbol.dispose]();
    await closed;
  }

  async #exchange(incoming: ServerSideRequest, answer: ServerSideAnswer): Promise<void> {
    const innerPort = incoming.socket.remotePort ?? 0;
    const request = this.#describe(incoming, innerPort);
    this.#requests.push(request);
    if (this.#requests.length > KEPT_REQUESTS) this.#requests.shift();
    const exchange = new Exchange({
      request,
      incoming,
      answer,
      rules: this.#book,
      upstream: this.#upstream,
      connection: this.#connection(innerPort, answer),
      signal: this.#closing.signal,
      counted: (events, bytes) => {
        if (request.verb === 'watch') this.#watchEvents += events;
        this.#bytes += bytes;
      },
    });
    this.#open.add(exchange);
    try {
      await exchange.run();
    } finally {
      this.#open.delete(exchange);
    }
  }

  #describe(incoming: ServerSideRequest, innerPort: number): ProxiedRequest {
    this.#count += 1;
    const { pathname, searchParams } = new URL(incoming.url ?? '/', this.url);
    const method = incoming.method ?? 'GET';
    return {
      number: this.#count,
      connection: this.#relay.numberOf(innerPort),
      at: performance.now(),
      httpVersion: incoming.httpVersion,
      method,
      path: pathname,
      query: searchParams,
      headers: incoming.headers,
      resource: resourceOf(pathname).resource,
      verb: verbOf(method, pathname, searchParams),
    };
  }

  #connection(innerPort: number, answer: ServerSideAnswer): ConnectionFaults {
    return {
      reset: () => this.#relay.reset(innerPort),
      resetAfterData: () => {
        this.#relay.doom(innerPort);
        // One turn of the loop for the head and frames that have no callback.
        setTimeout(() => this.#sockets.get(innerPort)?.destroy(), 1);
      },
      swallow: () => {
        this.#relay.swallow(innerPort);
        return () => this.#relay.release(innerPort);
      },
      goaway: () => {
        if ('stream' in answer) answer.stream.session?.close();
        else answer.shouldKeepAlive = false;
      },
      refuse: (forMs) => {
        void this.#refuseFor(forMs);
      },
    };
  }

  async #refuseFor(forMs: number): Promise<void> {
    await this.refuse();
    await delay(forMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    await this.accept();
  }
}
