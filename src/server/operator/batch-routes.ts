import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  zCancelBody,
  zEvidenceBody,
  zJobOverBody,
  zJobUidBody,
  zNewJobBody,
  zPlanBatchBody,
} from '../../protocol/operator-api.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { readBody } from '../read-body.ts';

const MAX_EVIDENCE_BYTES = 8 * 1024 * 1024;

export const zUid = z.string().regex(/^[A-Za-z0-9-]{1,63}$/, 'expected the uid of an object');
const zBatch = z.object({ uid: zUid });
const zJob = z.object({ uid: zUid, name: z.string().min(1).max(63) });

/** What the controller of RolloutBatches asks: plans, Jobs, evidence, ends (design: cluster.md 4). */
export function batchOperatorRoutes(
  app: FastifyInstance,
  coordinator: Coordinator,
  { signal, ...limits }: { readonly bodyLimit: number; readonly signal: AbortSignal },
): void {
  const uid = (request: FastifyRequest): string => readBody(zBatch, request.params).uid;
  app.put('/batches/:uid', limits, (request) =>
    coordinator.plan(uid(request), readBody(zPlanBatchBody, request.body), signal),
  );
  app.get('/batches', async () => ({ batches: await coordinator.openBatches() }));
  app.get('/batches/:uid', (request) => coordinator.state(uid(request)));
  app.get('/batches/:uid/rollouts', (request) => coordinator.rollouts(uid(request)));
  app.post('/batches/:uid/jobs', (request) =>
    coordinator.newJob(uid(request), readBody(zNewJobBody, request.body)),
  );
  app.put('/batches/:uid/jobs/:name/uid', async (request) => {
    const { uid: batch, name } = readBody(zJob, request.params);
    await coordinator.jobCreated(batch, name, readBody(zJobUidBody, request.body).uid);
    return {};
  });
  app.post('/batches/:uid/jobs/:name/over', async (request) => {
    const { uid: batch, name } = readBody(zJob, request.params);
    await coordinator.jobOver(batch, name, readBody(zJobOverBody, request.body).cause);
    return {};
  });
  app.post('/batches/:uid/evidence', { bodyLimit: MAX_EVIDENCE_BYTES }, async (request) => {
    const { pods } = readBody(zEvidenceBody, request.body);
    return { stored: await coordinator.evidence(uid(request), pods) };
  });
  app.post('/batches/:uid/cancel', async (request) => {
    await coordinator.cancel(uid(request), readBody(zCancelBody, request.body).reason);
    return {};
  });
  app.post('/batches/:uid/finish', async (request) => ({
    results: await coordinator.finish(uid(request)),
  }));
}
