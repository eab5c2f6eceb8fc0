import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import type { Service } from './kube/controller/manager.ts';

export interface OpsOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Default: all addresses, for kubelet and metrics. */
  readonly host?: string;
  readonly registry: Registry;
  /** False: only a restart helps. */
  readonly alive: () => boolean;
  /** True once the caches are there; a process that waits for the lease is ready too. */
  readonly ready: () => boolean;
  readonly listening?: (port: number) => void;
}

const REQUEST_TIMEOUT_MS = 5000;

/** Metrics and probes: GET /metrics, /healthz, /readyz. Nothing else, and no request body is read. */
export function opsServer(options: OpsOptions): Service {
  return {
    run: async (signal) => {
      const server = createServer((request, response) => {
        const answer = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
          response.writeHead(status, { 'content-type': type, connection: 'close' }).end(text);
        };
        const probe = (good: boolean): void => answer(good ? 200 : 503, good ? 'ok\n' : 'no\n');
        if (request.method !== 'GET') answer(405, 'GET only\n');
        else if (request.url === '/healthz') probe(options.alive());
        else if (request.url === '/readyz') probe(options.ready());
        else if (request.url === '/metrics')
          options.registry.metrics().then(
            (text) => answer(200, text, options.registry.contentType),
            () => answer(500, 'metrics failed\n'),
          );
        else answer(404, 'only /metrics, /healthz and /readyz are here\n');
      });
      server.requestTimeout = REQUEST_TIMEOUT_MS;
      await serve(server, options, signal);
    },
  };
}

/** Rejects where the port is taken; else ends with the signal. */
async function serve(server: Server, options: OpsOptions, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<void>();
  server.once('error', ended.reject);
  server.once('close', ended.resolve);
  server.listen({
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
  });
  server.once('listening', () => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) options.listening?.(address.port);
  });
  const stop = (): void => {
    server.close(() => ended.resolve());
    server.closeAllConnections();
  };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  await ended.promise;
}
