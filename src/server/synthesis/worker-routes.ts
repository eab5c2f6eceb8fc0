import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import {
  MAX_RECORD_BYTES,
  SYNTHESIS_ROUTES,
  zAskBody,
  zGatesBody,
  zRecordRow,
  zWorkerFailure,
} from '../../protocol/synthesis-api.ts';
import type { SynthesisRunRow } from '../../store/synthesis-runs.ts';
import { proveSynthesisWorker, type WorkerProofDeps } from '../identity/prove-synthesis-worker.ts';
import { readBody } from '../read-body.ts';
import { NO_ROOM } from '../sandbox/no-room.ts';
import type { WorkerDesk } from './worker-desk.ts';

export interface WorkerRoutesOptions extends WorkerProofDeps {
  readonly desk: WorkerDesk;
  readonly storeFull: () => Promise<boolean>;
  /** Told of each request whose token was found to be good, before its body is read. */
  readonly proven: (request: FastifyRequest) => void;
}

const zAfter = z.object({ after: z.coerce.number().int().min(0).default(0) });
const zNumber = z.object({ number: z.coerce.number().int().min(1) });

/**
 * The routes that workers of SynthesisJobs call (design: cluster.md 12), within the sandbox plugin's error
 * handler. Each request proves its pod anew, and reaches nothing but the job of that pod.
 */
export function synthesisWorkerRoutes(app: FastifyInstance, options: WorkerRoutesOptions): void {
  const { desk, proven } = options;
  const runs = new WeakMap<FastifyRequest, SynthesisRunRow>();
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const proof = await proveSynthesisWorker(request.headers.authorization, options);
    if ('decision' in proof) return await reply.code(409).send(proof);
    proven(request);
    runs.set(request, proof.run);
    return undefined;
  };
  const runOf = (request: FastifyRequest): SynthesisRunRow => {
    const run = runs.get(request);
    if (run === undefined) throw new ClawError('Internal', 'a worker without a proof');
    return run;
  };
  const proof = { onRequest };
  const large = { onRequest, bodyLimit: MAX_RECORD_BYTES };

  app.post(SYNTHESIS_ROUTES.claim, proof, async (request, reply) => {
    if (await options.storeFull()) return await reply.code(409).send(NO_ROOM);
    return await desk.claim(runOf(request));
  });
  app.get(SYNTHESIS_ROUTES.records, proof, async (request) => ({
    records: await desk.records(runOf(request), readBody(zAfter, request.query).after),
  }));
  app.post(SYNTHESIS_ROUTES.records, large, async (request) => {
    await desk.begin(runOf(request), readBody(zRecordRow, request.body));
    return {};
  });
  app.put(SYNTHESIS_ROUTES.record, large, async (request) => {
    const row = readBody(zRecordRow, request.body);
    if (readBody(zNumber, request.params).number !== row.number)
      throw new ClawError('InvalidInput', 'number: expected that of the path');
    await desk.save(runOf(request), row);
    return {};
  });
  app.post(SYNTHESIS_ROUTES.calls, large, (request) =>
    desk.ask(runOf(request), readBody(zAskBody, request.body)),
  );
  app.post(SYNTHESIS_ROUTES.gates, proof, (request) =>
    desk.gates(runOf(request), readBody(zGatesBody, request.body)),
  );
  app.post(SYNTHESIS_ROUTES.output, proof, async (request) => {
    const { ended, taskSet } = await desk.output(runOf(request));
    return { ended, ...(taskSet !== undefined && { taskSet }) };
  });
  app.post(SYNTHESIS_ROUTES.failure, proof, async (request) => {
    await desk.failed(runOf(request), readBody(zWorkerFailure, request.body));
    return {};
  });
}
