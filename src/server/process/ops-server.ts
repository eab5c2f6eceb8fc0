import fastify from 'fastify';
import type { Registry } from 'prom-client';

export interface OpsServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly registry: Registry;
  /** True while the other listeners serve. */
  readonly ready: () => boolean;
}

export interface OpsServer extends AsyncDisposable {
  readonly port: number;
}

/** Metrics and probes over plain HTTP; nothing else is here. */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const app = fastify({ forceCloseConnections: true, requestTimeout: 5000, bodyLimit: 1024 });
  app.get('/healthz', () => 'ok\n');
  app.get('/readyz', async (_request, reply) => {
    const ready = options.ready();
    return await reply.code(ready ? 200 : 503).send(ready ? 'ok\n' : 'no\n');
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(options.registry.contentType).send(await options.registry.metrics()),
  );
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    [Symbol.asyncDispose]: () => app.close(),
  };
}
