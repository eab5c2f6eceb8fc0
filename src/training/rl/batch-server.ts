import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sha256 } from '../../base/digest.ts';
import { ClawError, toClawError } from '../../base/error.ts';
import { batchRoutes, fitting } from './batch-routes.ts';
import type { BatchSource } from './batch-source.ts';

export interface BatchServerOptions {
  /** The run's name in the paths; undefined: there is one alone, whatever it is called. */
  readonly run: string | undefined;
  readonly source: BatchSource;
  /** What the trainer shows as bearer; undefined: nobody else reaches the server. */
  readonly token: string | undefined;
}

const zRunPath = z.object({ run: z.string() });

const STATUS: Readonly<Partial<Record<ClawError['code'], number>>> = {
  NotFound: 404,
  InvalidInput: 400,
  Conflict: 409,
  Unauthorized: 401,
};

/** The token batches of one run for its trainer (docs/reference/rl-tokens.md), on its own machine. */
export async function batchServer(
  app: FastifyInstance,
  { run, source, token }: BatchServerOptions,
): Promise<void> {
  if (token !== undefined) {
    app.addHook('onRequest', async (request) => refuseStranger(request, token));
  }
  app.setErrorHandler(async (thrown, _request, reply) => {
    const { code, message } = toClawError(thrown);
    await reply.code(STATUS[code] ?? 500).send({ code, message });
  });
  batchRoutes(app, '/v1/runs/:run/batches', async (request) => {
    const path = fitting(zRunPath, request.params);
    if (run === undefined || path.run === run) return source;
    throw new ClawError('NotFound', `this server has the batches of ${run}, not of ${path.run}`);
  });
}

function refuseStranger({ headers: { authorization } }: FastifyRequest, token: string): void {
  const shown = Buffer.from(sha256(authorization ?? ''));
  if (timingSafeEqual(shown, Buffer.from(sha256(`Bearer ${token}`)))) return;
  throw new ClawError('Unauthorized', "expected the run's token as bearer");
}
