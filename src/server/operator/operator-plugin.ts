import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import {
  type LivingBody,
  type ServerInfo,
  zBenchResultsBody,
  zExpectImportBody,
  zLivingBody,
  zTaskSetBody,
} from '../../protocol/operator-api.ts';
import {
  callerOf,
  PROTOCOL_HEADER,
  requireShared,
  THIS_SERVER,
} from '../../protocol/protocol-version.ts';
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
import { batchOperatorRoutes, zUid } from './batch-routes.ts';

export interface OperatorPluginOptions {
  readonly coordinator: Coordinator;
  readonly policies: Pick<PolicyDesk, 'expect' | 'stateFor' | 'end'>;
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

const zNamed = z.object({ uid: zUid });

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
  app.addHook('onRequest', async ({ headers }) => {
    await admit(headers.authorization);
    const caller = callerOf(headers[PROTOCOL_HEADER]);
    if (caller !== undefined) requireShared(caller, THIS_SERVER);
  });
  const uid = (request: FastifyRequest): string => readBody(zNamed, request.params).uid;
  const large = { bodyLimit: MAX_PLAN_BYTES };

  app.get('/info', () => info());
  batchOperatorRoutes(app, coordinator, { ...large, signal });
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
