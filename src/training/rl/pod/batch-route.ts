import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify from 'fastify';
import { batchServer } from '../batch-server.ts';
import type { BatchSource } from '../batch-source.ts';

/** True where the request is one of a trainer for its batches. */
export type BatchRoute = (request: IncomingMessage, response: ServerResponse) => boolean;

const PREFIX = '/v1/runs/';

/**
 * The batches of the one run of a pod on whatever server its trainer asks at 127.0.0.1. Containers of a pod
 * share that address, and nobody else has it: no token is asked for.
 */
export async function batchRoute(source: BatchSource): Promise<BatchRoute> {
  const app = fastify();
  await app.register(batchServer, { run: undefined, source, token: undefined });
  await app.ready();
  return (request, response) => {
    if (request.url?.startsWith(PREFIX) !== true) return false;
    app.routing(request, response);
    return true;
  };
}
