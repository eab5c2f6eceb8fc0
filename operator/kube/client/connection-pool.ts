import type { Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import { KubeError } from '../base/kube-error.ts';
import { type ConnectSettings, definedTls, serverAddress } from './connect-settings.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { guardStreams } from './stream-guard.ts';

/** Times of the pool, in milliseconds. Tests shorten them. */
export interface PoolTimes {
  readonly connectMs: number;
  /** Time from the end of the TLS handshake to the server's first byte; see `endWithoutGreeting`. */
  readonly greetingMs: number;
  /** Time between HTTP/2 pings. */
  readonly pingMs: number;
  /** A connection without a single byte for so long, pings included, is dead. */
  readonly deadAfterMs: number;
  /** An idle connection is closed after this time. */
  readonly idleMs: number;
}

/** client-go has no limit of the greeting, and: ping after 30 s of silence, 15 s for its answer, idle connections 90 s. */
export const POOL_TIMES: PoolTimes = {
  connectMs: 10_000,
  greetingMs: 3_000,
  pingMs: 15_000,
  deadAfterMs: 45_000,
  idleMs: 90_000,
};

/** For servers that speak HTTP/1.1 only. With HTTP/2 one connection carries all requests. */
const MAX_REQUEST_CONNECTIONS = 32;

/**
 * The connections to one API server: HTTP/2 where the server offers it. Streams have connections of
 * their own: each stream holds one of about 100 places of an HTTP/2 connection for minutes, and a
 * thousand watches must not keep a lease renewal waiting. Beyond 100 streams, more are opened.
 */
export class ConnectionPool {
  readonly origin: string;
  readonly prefix: string;
  readonly requests: Dispatcher;
  readonly streams: Dispatcher;
  readonly #guard: Disposable;

  constructor(settings: ConnectSettings, metrics: RequestMetrics, times: PoolTimes) {
    ({ origin: this.origin, prefix: this.prefix } = serverAddress(settings));
    this.requests = dispatcher(settings, metrics, times, MAX_REQUEST_CONNECTIONS);
    this.streams = dispatcher(settings, metrics, times, undefined);
    this.#guard = guardStreams(new URL(this.origin).host);
  }

  /** Lets what is under way end, then closes. */
  async drain(): Promise<void> {
    await Promise.all([this.requests.close(), this.streams.close()]);
    this.#guard[Symbol.dispose]();
  }

  /** Breaks what is under way. */
  async destroy(): Promise<void> {
    await Promise.all([this.requests.destroy(), this.streams.destroy()]);
    this.#guard[Symbol.dispose]();
  }
}

function dispatcher(
  settings: ConnectSettings,
  metrics: RequestMetrics,
  times: PoolTimes,
  connections: number | undefined,
): Dispatcher {
  const common = {
    // Deadlines are the transport's: a watch may be silent for minutes.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: times.idleMs,
    keepAliveMaxTimeout: times.idleMs,
    h2Options: { pingInterval: times.pingMs },
    ...(connections === undefined ? {} : { connections }),
  };
  const tls = definedTls(settings.tls);
  const { proxyUrl } = settings;
  if (proxyUrl === undefined || proxyUrl === '') {
    return new Agent({ ...common, connect: connector(tls, metrics, times) });
  }
  if (!/^https?:/.test(proxyUrl))
    throw new KubeError(
      'InvalidConfig',
      `kubeconfig: proxy-url ${JSON.stringify(proxyUrl)}: only http and https proxies work; use one of them or a tunnel to the server`,
    );
  return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: tls });
}

function connector(
  tls: ReturnType<typeof definedTls>,
  metrics: RequestMetrics,
  times: PoolTimes,
): buildConnector.connector {
  const open = buildConnector({
    ...tls,
    timeout: times.connectMs,
    allowH2: true,
    preferH2: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  });
  return (options, callback) =>
    open(options, (...result) => {
      const [error, socket] = result;
      if (error === null) {
        metrics.connection('opened');
        socket.once('close', () => metrics.connection('closed'));
        if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') {
          endWithoutGreeting(socket, times.greetingMs);
          endWhenSilent(socket, times);
        }
      }
      callback(...result);
    });
}

/**
 * Ends an HTTP/2 connection on which the server does not speak first, as it has to (RFC 9113, 3.4).
 * Where a connection is reset between the last two messages of the handshake (a server or load
 * balancer that goes away), node drops the error: the socket looks open, and all that is asked on it
 * would wait until `endWhenSilent`.
 */
function endWithoutGreeting(socket: Socket, greetingMs: number): void {
  const judge = (): void => {
    if (socket.bytesRead === 0)
      socket.destroy(new Error(`no HTTP/2 greeting from the server within ${greetingMs} ms`));
  };
  // What came while this process was busy is read first.
  const timer = setTimeout(() => setImmediate(judge), greetingMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/**
 * Ends an HTTP/2 connection whose other side is gone without a word (a lost node, a NAT that
 * forgot): pings bring at least one frame each interval, and neither undici nor TCP notices their
 * absence within minutes.
 */
function endWhenSilent(socket: Socket, times: PoolTimes): void {
  let seenBytes = socket.bytesRead;
  let silentMs = 0;
  const timer = setInterval(() => {
    silentMs = socket.bytesRead === seenBytes ? silentMs + times.pingMs : 0;
    seenBytes = socket.bytesRead;
    if (silentMs >= times.deadAfterMs)
      socket.destroy(new Error(`no byte from the server for ${silentMs} ms, pings included`));
  }, times.pingMs);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}
