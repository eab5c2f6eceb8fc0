import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  type AttemptId,
  asAttemptId,
  asBatchId,
  asRolloutId,
  asSha256,
  type BatchId,
  isSha256,
  type RolloutId,
  type Sha256,
} from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { QUERY_ROUTES } from '../../protocol/query-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import type { AttemptRow, CallRow } from '../../store/records.ts';
import { errorHandler } from '../error-reply.ts';
import { type ModelRoutesOptions, modelRoutes } from './model-routes.ts';
import { namespaceOf, QueryAccess, type QueryAccessOptions } from './query-access.ts';
import { HIDDEN_NONCE } from './query-rows.ts';
import { type SynthesisRoutesOptions, synthesisRoutes } from './synthesis-routes.ts';

export interface QueryPluginOptions extends QueryAccessOptions {
  readonly artifacts: Pick<ArtifactStore, 'size' | 'stream' | 'read' | 'putStream'>;
  /** Rows of models; the store has them. */
  readonly models: ModelRoutesOptions['models'];
  /** Rows of SynthesisJobs, and whose these are. */
  readonly synthesis: SynthesisRoutesOptions['store'];
  readonly logger: Logger;
}

const zQuery = z.object({
  id: z.string().max(1024).optional(),
  batch: z.string().max(1024).optional(),
  rollout: z.string().max(1024).optional(),
  attempt: z.string().max(1024).optional(),
  undecided: z.enum(['true', 'false']).optional(),
});

/**
 * Reading records and artifacts, for people (protocol/query-api.ts). Mount it under `QUERY_PREFIX` on
 * the user listener. Who reads what: query-access.ts.
 */
export async function queryPlugin(
  app: FastifyInstance,
  { store, artifacts, models, synthesis, logger, ...rest }: QueryPluginOptions,
): Promise<void> {
  app.setErrorHandler(errorHandler(logger));
  const access = new QueryAccess({ store, ...rest });
  app.addHook('onRequest', (request) => access.admit(request));
  const rows = <T>(route: string, read: (request: FastifyRequest) => Promise<readonly T[]>) =>
    app.get(route, async (request) => ({ rows: await read(request) }));
  const row = (route: string, read: (request: FastifyRequest) => Promise<unknown>) =>
    app.get(route, async (request) => ({ row: (await read(request)) ?? null }));
  batchRoutes(rows, row, { store, access });
  attemptRoutes(rows, row, { store, access });
  synthesisRoutes(app, { access, store: synthesis });
  modelRoutes(app, { access, artifacts, models, now: Date.now });
  app.get(QUERY_ROUTES.artifact, async (request, reply) => {
    const { digest } = z.object({ digest: z.string() }).parse(request.params);
    if (isSha256(digest)) await access.ofArtifact(request, digest);
    const size = isSha256(digest) ? await artifacts.size(digest) : undefined;
    if (size === undefined) throw new ClawError('NotFound', `there is no artifact ${digest}`);
    reply.type('application/octet-stream').header('content-length', size);
    return reply.send(await artifacts.stream(asSha256(digest)));
  });
}

type Read<T> = (request: FastifyRequest) => Promise<T>;
type Rows = (route: string, read: Read<readonly unknown[]>) => unknown;
type Row = (route: string, read: Read<unknown>) => unknown;
interface Parts {
  readonly store: RecordReader;
  readonly access: QueryAccess;
}

function batchRoutes(rows: Rows, row: Row, { store, access }: Parts): void {
  const batchIn = async (request: FastifyRequest, name: 'id' | 'batch'): Promise<BatchId> => {
    const id = asBatchId(need(request, name));
    await access.ofBatch(request, id);
    return id;
  };
  rows(QUERY_ROUTES.batches, async (request) =>
    access.visible(request, await store.listBatches(), namespaceOf),
  );
  row(QUERY_ROUTES.batch, async (request) => store.getBatch(await batchIn(request, 'id')));
  row(QUERY_ROUTES.outcomes, async (request) =>
    store.countOutcomes(await batchIn(request, 'batch')),
  );
  rows(QUERY_ROUTES.rollouts, async (request) =>
    store.listRollouts(await batchIn(request, 'batch'), {
      undecided: zQuery.safeParse(request.query).data?.undecided === 'true',
    }),
  );
}

function attemptRoutes(rows: Rows, row: Row, { store, access }: Parts): void {
  const rolloutIn = async (request: FastifyRequest, name: 'id' | 'rollout'): Promise<RolloutId> => {
    const id = asRolloutId(need(request, name));
    await access.ofRollout(request, id);
    return id;
  };
  const attemptIn = async (request: FastifyRequest, name: 'id' | 'attempt'): Promise<AttemptId> => {
    const id = asAttemptId(need(request, name));
    await access.ofAttempt(request, id);
    return id;
  };
  row(QUERY_ROUTES.rollout, async (request) => store.getRollout(await rolloutIn(request, 'id')));
  rows(QUERY_ROUTES.attempts, async (request) => {
    const attempts = await store.listAttempts(await rolloutIn(request, 'rollout'));
    access.handsOut(request, attempts.flatMap(artifactsOfAttempt));
    return attempts.map(withoutNonce);
  });
  row(QUERY_ROUTES.attempt, async (request) => {
    const attempt = await store.getAttempt(await attemptIn(request, 'id'));
    if (attempt !== undefined) access.handsOut(request, artifactsOfAttempt(attempt));
    return attempt && withoutNonce(attempt);
  });
  rows(QUERY_ROUTES.verifications, async (request) =>
    store.listVerifications(await attemptIn(request, 'attempt')),
  );
  rows(QUERY_ROUTES.pods, async (request) => store.listPods(await attemptIn(request, 'attempt')));
  rows(QUERY_ROUTES.calls, async (request) => {
    const calls = await store.listCalls(await attemptIn(request, 'attempt'));
    access.handsOut(request, calls.flatMap(artifactsOfCall));
    return calls;
  });
  row(QUERY_ROUTES.call, async (request) => {
    const call = await store.getCall(need(request, 'id'));
    if (call === undefined) return undefined;
    await access.ofAttempt(request, call.attempt);
    access.handsOut(request, artifactsOfCall(call));
    return call;
  });
}

function artifactsOfAttempt({ end }: AttemptRow): readonly Sha256[] {
  return [end?.snapshot, end?.stdout, end?.stderr].filter((digest) => digest !== undefined);
}

function artifactsOfCall({ request, finish }: CallRow): readonly Sha256[] {
  const digests = [request, finish?.response, finish?.tokens];
  return digests.filter((digest) => digest !== undefined);
}

function need(request: FastifyRequest, name: 'id' | 'batch' | 'rollout' | 'attempt'): string {
  const value = zQuery.safeParse(request.query).data?.[name];
  if (value !== undefined) return value;
  throw new ClawError(
    'InvalidInput',
    `${request.routeOptions.url ?? request.url} needs the parameter ?${name}=`,
  );
}

const withoutNonce = (row: AttemptRow): AttemptRow => ({ ...row, nonce: HIDDEN_NONCE });
