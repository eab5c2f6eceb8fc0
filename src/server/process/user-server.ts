import fastify from 'fastify';
import { ClawError } from '../../base/error.ts';
import { OPERATOR_PREFIX } from '../../protocol/operator-api.ts';
import { QUERY_PREFIX } from '../../protocol/query-api.ts';
import { errorHandler } from '../error-reply.ts';
import { type OperatorPluginOptions, operatorPlugin } from '../operator/operator-plugin.ts';
import { type QueryPluginOptions, queryPlugin } from '../query/query-plugin.ts';
import type { ServingCertificate } from '../sandbox/sandbox-server.ts';

export interface UserServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly certificate: ServingCertificate;
  readonly operator: OperatorPluginOptions;
  readonly query: QueryPluginOptions;
}

export interface UserServer extends AsyncDisposable {
  readonly port: number;
  /** New connections get this certificate; those that are open stay. */
  setCertificate(certificate: ServingCertificate): void;
}

const TLS_VERSION = 'TLSv1.3';
/** From the first byte of a request to its last: a model's weights come through slow tunnels. */
const REQUEST_TIMEOUT_MS = 6 * 3_600_000;
const HEADERS_MS = 60_000;
const KEEP_ALIVE_MS = 60_000;

/** The listener of the operator and of people; sandboxes cannot reach it (design: rollouts.md 6). */
export async function startUserServer(options: UserServerOptions): Promise<UserServer> {
  const app = fastify({
    https: { ...options.certificate, minVersion: TLS_VERSION, headersTimeout: HEADERS_MS },
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  const { logger } = options.operator;
  app.setErrorHandler(errorHandler(logger));
  app.setNotFoundHandler(() => {
    throw new ClawError('NotFound', 'this listener serves the operator API and the query API');
  });
  await app.register(operatorPlugin, { ...options.operator, prefix: OPERATOR_PREFIX });
  await app.register(queryPlugin, { ...options.query, prefix: QUERY_PREFIX });
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    setCertificate: (certificate) =>
      app.server.setSecureContext({ ...certificate, minVersion: TLS_VERSION }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
