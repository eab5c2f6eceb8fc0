import type { FastifyInstance, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { z } from 'zod';
import { TRAINING_ROUTES } from '../../../protocol/training-pod-api.ts';
import { batchRoutes } from '../../../training/rl/batch-routes.ts';
import { zTrained } from '../../../training/rl/step-notes.ts';
import { readBody } from '../../read-body.ts';
import type { RlDesk } from './rl-desk.ts';

const zBatch = z.object({ number: z.coerce.number().int().min(1).max(1_000_000_000) });

/** The batches of a run for the sidecar of its trainer, once it is proven whose pod it is. */
export function rlPodRoutes(
  app: FastifyInstance,
  desk: Pick<RlDesk, 'source'>,
  runOf: (request: FastifyRequest) => string,
  options: RouteShorthandOptions,
): void {
  batchRoutes(app, TRAINING_ROUTES.batches, (request) => desk.source(runOf(request)), options);
  app.post(`${TRAINING_ROUTES.batches}/:number/policy`, options, async (request) => {
    const { number } = readBody(zBatch, request.params);
    const word = readBody(zTrained, request.body);
    await (await desk.source(runOf(request))).keepPolicy(number, word);
    return {};
  });
}
