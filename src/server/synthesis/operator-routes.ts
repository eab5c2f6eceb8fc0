import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  zCancelSynthesisBody,
  zGateBatchBody,
  zPlanSynthesisBody,
  zSynthesisSteering,
  zSynthesisWorkerBody,
} from '../../protocol/synthesis-server.ts';
import { readBody } from '../read-body.ts';
import type { SynthesisDesk } from './synthesis-desk.ts';

/** Seeds of ConfigMaps, each of which has a MiB at most. */
const MAX_PLAN_BYTES = 16 * 1024 * 1024;
const zUid = z.object({
  uid: z.string().regex(/^[A-Za-z0-9-]{1,63}$/, 'expected the uid of an object'),
});
const zRound = zUid.extend({ round: z.coerce.number().int().min(1) });

/** What the controller of SynthesisJobs asks, within the operator plugin's door and error handler. */
export function synthesisOperatorRoutes(app: FastifyInstance, desk: SynthesisDesk): void {
  const uid = (request: FastifyRequest): string => readBody(zUid, request.params).uid;
  app.put('/synthesis/:uid', { bodyLimit: MAX_PLAN_BYTES }, (request) =>
    desk.plan(uid(request), readBody(zPlanSynthesisBody, request.body)),
  );
  app.get('/synthesis/:uid', (request) => desk.state(uid(request)));
  app.put('/synthesis/:uid/steering', async (request) => {
    await desk.steer(uid(request), readBody(zSynthesisSteering, request.body));
    return {};
  });
  app.put('/synthesis/:uid/worker', async (request) => {
    await desk.workerCreated(uid(request), readBody(zSynthesisWorkerBody, request.body).jobUid);
    return {};
  });
  app.put('/synthesis/:uid/rounds/:round', async (request) => {
    const { uid: job, round } = readBody(zRound, request.params);
    await desk.gateBatchCreated(job, round, readBody(zGateBatchBody, request.body).batchUid);
    return {};
  });
  app.post('/synthesis/:uid/cancel', async (request) => {
    await desk.cancel(uid(request), readBody(zCancelSynthesisBody, request.body).reason);
    return {};
  });
}
