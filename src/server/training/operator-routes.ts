import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  zCancelTrainingBody,
  zPlanTrainingBody,
  zTrainerEndedBody,
  zTrainingJobBody,
} from '../../protocol/training-api.ts';
import { readBody } from '../read-body.ts';
import type { TrainingDesk } from './training-desk.ts';

const zRun = z.object({
  uid: z.string().regex(/^[A-Za-z0-9-]{1,63}$/, 'expected the uid of an object'),
});

/** What the controller of TrainingRuns asks, within the operator plugin's admission. */
export function trainingOperatorRoutes(app: FastifyInstance, desk: TrainingDesk): void {
  const uid = (params: unknown): string => readBody(zRun, params).uid;
  app.get('/training', async () => ({ runs: await desk.open() }));
  app.put('/training/:uid', ({ params, body }) =>
    desk.plan(uid(params), readBody(zPlanTrainingBody, body)),
  );
  app.get('/training/:uid', ({ params }) => desk.state(uid(params)));
  app.put('/training/:uid/job', ({ params, body }) => {
    const { attempt, jobUid } = readBody(zTrainingJobBody, body);
    return desk.job(uid(params), attempt, jobUid);
  });
  app.post('/training/:uid/ended', ({ params, body }) =>
    desk.ended(uid(params), readBody(zTrainerEndedBody, body)),
  );
  app.post('/training/:uid/cancel', ({ params, body }) =>
    desk.cancel(uid(params), readBody(zCancelTrainingBody, body)),
  );
}
