import { Duplex, PassThrough, Writable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';
import { z } from 'zod';
import { ClawError, errorMessage } from '../../base/error.ts';

/** A TLS listener of a pod, reached through the API server. */
export interface PodTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Name that the certificate must have. */
  readonly serverName: string;
  /** PEM certificates that it must chain to. */
  readonly ca: string;
}

/** What is needed of the library's WebSocket, whose types do not come with it. */
interface PodSocket {
  close(): void;
  addEventListener(
    type: 'close' | 'error',
    listener: (event: { readonly message?: string }) => void,
  ): void;
}
const zWebSocket = z.custom<PodSocket>(
  (value) => typeof value === 'object' && value !== null && 'addEventListener' in value,
);

/** At a time; a command asks one thing after the other. */
const CONNECTIONS = 4;
const CONNECT_MS = 15_000;

/**
 * A dispatcher whose connections are port-forwards: no port of this machine is opened, and TLS ends in
 * the pod. The caller closes it.
 */
export function podDispatcher(config: KubeConfig, target: PodTarget): Dispatcher {
  return new Agent({
    connections: CONNECTIONS,
    connect: (_options, done) => {
      openTls(config, target).then(
        (socket) => done(null, socket),
        (thrown: unknown) => done(asError(thrown), null),
      );
    },
  });
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(errorMessage(thrown));

async function openTls(config: KubeConfig, target: PodTarget): Promise<TLSSocket> {
  const raw = await forward(config, target);
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const { ca, serverName: servername } = target;
  const socket = connect({ socket: raw, ca, servername, ALPNProtocols: ['http/1.1'] });
  const timer = setTimeout(() => {
    socket.destroy(new ClawError('Timeout', `${place(target)}: no TLS within ${CONNECT_MS} ms`));
  }, CONNECT_MS);
  raw.once('error', (error) => socket.destroy(error));
  socket.once('secureConnect', () => resolve(socket));
  socket.once('error', reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** The bytes of one connection to the port. */
async function forward(config: KubeConfig, target: PodTarget): Promise<Duplex> {
  const { PortForward } = await import('@kubernetes/client-node');
  const toPod = new PassThrough();
  const fromPod = new PassThrough();
  const raw = Duplex.from({ writable: toPod, readable: fromPod });
  const said: Buffer[] = [];
  const problems = new Writable({
    write(chunk: Buffer, _encoding, done) {
      done();
      // The frame that opens the stream is empty without the port in it.
      if (chunk.length === 0) return;
      said.push(chunk);
      const text = Buffer.concat(said).toString('utf8').slice(0, 500);
      raw.destroy(new ClawError('ServerUnavailable', `${place(target)}: ${text}`));
    },
  });
  const { namespace, pod, port } = target;
  try {
    const forwarder = new PortForward(config);
    const connection: unknown = await forwarder.portForward(
      namespace,
      pod,
      [port],
      fromPod,
      problems,
      toPod,
    );
    const socket = zWebSocket.parse(connection);
    socket.addEventListener('close', () => fromPod.end());
    socket.addEventListener('error', (event) => raw.destroy(new Error(event.message ?? 'error')));
    raw.once('close', () => socket.close());
    return raw;
  } catch (thrown) {
    throw new ClawError('ServerUnavailable', `${place(target)}: ${reasonOf(thrown)}`, {
      cause: thrown,
      retryable: true,
    });
  }
}

/** The WebSocket library fails with events, whose message is the reason. */
function reasonOf(thrown: unknown): string {
  const message =
    typeof thrown === 'object' && thrown !== null && 'message' in thrown
      ? String(thrown.message)
      : errorMessage(thrown);
  const denied = message.includes('403');
  return denied ? `${message}: you need the right to "pods/portforward" there` : message;
}

const place = ({ namespace, pod, port }: PodTarget): string =>
  `port-forward to ${namespace}/${pod}:${port}`;
