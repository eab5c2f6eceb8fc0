import fastify from 'fastify';
import { claimSocketPath } from '../base/socket-path.ts';
import { type GatewayPluginOptions, gatewayPlugin } from './gateway-plugin.ts';

export interface GatewayServerOptions extends GatewayPluginOptions {
  /** Unix socket to listen on; its folder must exist and be private to this user. */
  readonly socketPath: string;
}

export interface GatewayServer extends AsyncDisposable {
  readonly socketPath: string;
}

/**
 * Listens until disposed, which breaks every connection but stops no call: the gateway may be served
 * again on the same path, and the links come back to it with their call ids.
 */
export async function startGatewayServer(options: GatewayServerOptions): Promise<GatewayServer> {
  const { socketPath } = options;
  await claimSocketPath(socketPath);
  const app = fastify({ forceCloseConnections: true, requestTimeout: 0, keepAliveTimeout: 60_000 });
  await app.register(gatewayPlugin, options);
  await app.listen({ path: socketPath });
  return { socketPath, [Symbol.asyncDispose]: () => app.close() };
}
