import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import {
  type LivingBody,
  type ServerInfo,
  zBenchResultsBody,
  zCancelBody,
  zEvidenceBody,
  zExpectImportBody,
  zJobOverBody,
  zJobUidBody,
  zLivingBody,
  zNewJobBody,
  zPlanBatchBody,
  zTaskSetBody,
} from '../../protocol/operator-api.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { errorHandler } from '../error-reply.ts';
import { policyOperatorRoutes } from '../policies/operator-routes.ts';
import type { PolicyDesk } from '../policies/policy-desk.ts';
import { readBody } from '../read-body.ts';
import { synthesisOperatorRoutes } from '../synthesis/operator-routes.ts';
import type { SynthesisDesk } from '../synthesis/synthesis-desk.ts';
import type { OpenTraining } from '../training/open-training.ts';
import { trainingOperatorRoutes } from '../training/operator-routes.ts';
import { rlOperatorRoutes } from '../training/rl/operator-routes.ts';

export interface OperatorPluginOptions {
  readonly coordinator: Coordinator;
  readonly policies: Pick<PolicyDesk, 'expect' | 'end'>;
  readonly training: Pick<OpenTraining, 'desk' | 'rl'>;
  readonly synthesis: SynthesisDesk;
  /** Throws `Unauthorized` or `Forbidden` for everybody but the operator. */
  readonly admit: (authorization: string | undefined) => Promise<void>;
  readonly info: () => Promise<ServerInfo>;
  /** What the objects of the cluster name. */
  readonly living: (body: LivingBody) => Promise<void>;
  readonly logger: Logger;
  /** Ends planning when the server ends. */
  readonly signal: AbortSignal;
}

/** Tasks written out in objects, or a ConfigMap's text. */
const MAX_PLAN_BYTES = 64 * 1024 * 1024;
/** Some 70 bytes for each of `MAX_LIVING` names, and room for more. */
const MAX_LIVING_BYTES = 32 * 1024 * 1024;
const MAX_EVIDENCE_BYTES = 8 * 1024 * 1024;

const zUid = z.string().regex(/^[A-Za-z0-9-]{1,63}$/, 'expected the uid of an object');
const zBatch = z.object({ uid: zUid });
const zJob = z.object({ uid: zUid, name: z.string().min(1).max(63) });

/** What the controllers ask of the server; mounted under `OPERATOR_PREFIX` (design: cluster.md 4). */
export async function operatorPlugin(
  app: FastifyInstance,
  options: OperatorPluginOptions,
): Promise<void> {
  const { coordinator, policies, training, synthesis, admit, info, living, logger, signal } =
    options;
  app.setErrorHandler(errorHandler(logger));
  app.setNotFoundHandler(() => {
    throw new ClawError('NotFound', 'the operator API has no such route');
  });
  app.addHook('onRequest', async (request) => await admit(request.headers.authorization));
  const uid = (request: FastifyRequest): string => readBody(zBatch, request.params).uid;
  const large = { bodyLimit: MAX_PLAN_BYTES };

  app.get('/info', () => info());
  app.put('/batches/:uid', large, (request) =>
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
  app.put('/benches/:uid/results', (request) =>
    coordinator.benchResults(uid(request), readBody(zBenchResultsBody, request.body)),
  );
  app.put('/imports/:uid', (request) => {
    coordinator.expectImport(uid(request), readBody(zExpectImportBody, request.body));
    return {};
  });
  app.put('/living', { bodyLimit: MAX_LIVING_BYTES }, async (request) => {
    await living(readBody(zLivingBody, request.body));
    return {};
  });
  policyOperatorRoutes(app, policies);
  trainingOperatorRoutes(app, training.desk);
  rlOperatorRoutes(app, training.rl, { ...large, signal });
  app.put('/task-sets', large, (request) =>
    coordinator.taskSet(readBody(zTaskSetBody, request.body).source, signal),
  );
  synthesisOperatorRoutes(app, synthesis);
}
