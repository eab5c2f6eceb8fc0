import type { SecureContextOptions } from 'node:tls';
import fastify, { type FastifyRequest } from 'fastify';
import type { Gateway } from '../../gateway/chat-completions.ts';
import { GATEWAY_PREFIX } from '../../protocol/pod-contract.ts';
import { gatewayPlugin } from '../gateway-plugin.ts';
import { limitConnections } from './address-limit.ts';
import { type SandboxPluginOptions, sandboxPlugin } from './sandbox-plugin.ts';

export interface SandboxServerOptions extends Omit<SandboxPluginOptions, 'proven'> {
  readonly gateway: Gateway;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly certificate: ServingCertificate;
  readonly connectionsPerAddress?: number;
}

/** PEM texts. */
export type ServingCertificate = Required<Pick<SecureContextOptions, 'cert' | 'key'>>;

export interface SandboxServer extends AsyncDisposable {
  readonly port: number;
  /** New connections get this certificate; those that are open stay. */
  setCertificate(certificate: ServingCertificate): void;
}

const TLS_VERSION = 'TLSv1.3';
/** Longer than the pause between calls of an agent, so that its link keeps its connection. */
const KEEP_ALIVE_MS = 60_000;
/** From the first byte of a request to its last; an upload may be slow. */
const REQUEST_TIMEOUT_MS = 300_000;
const CLAIM_BODY_BYTES = 64 * 1024;
/** Who opens a connection has to say something: sandboxes reach this port with any program. */
const HANDSHAKE_MS = 10_000;
const HEADERS_MS = 15_000;
const CONNECTIONS_PER_ADDRESS = 1024;

/** The listener that sandboxes reach, and the only one. Disposing it breaks every connection. */
export async function startSandboxServer(options: SandboxServerOptions): Promise<SandboxServer> {
  const app = fastify({
    https: {
      ...options.certificate,
      minVersion: TLS_VERSION,
      handshakeTimeout: HANDSHAKE_MS,
      headersTimeout: HEADERS_MS,
    },
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    bodyLimit: CLAIM_BODY_BYTES,
  });
  const perAddress = options.connectionsPerAddress ?? CONNECTIONS_PER_ADDRESS;
  const markProven = limitConnections(app.server, perAddress);
  const proven = (request: FastifyRequest): void => markProven(request.raw.socket);
  await app.register(sandboxPlugin, { ...options, proven });
  const { gateway, logger } = options;
  await app.register(gatewayPlugin, { gateway, logger, proven, prefix: GATEWAY_PREFIX });
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    setCertificate: (certificate) =>
      app.server.setSecureContext({ ...certificate, minVersion: TLS_VERSION }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
