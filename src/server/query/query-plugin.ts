import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { asAttemptId, asBatchId, asRolloutId, asSha256, isSha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { QUERY_ROUTES } from '../../protocol/query-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import type { AttemptRow } from '../../store/records.ts';
import { errorHandler } from '../error-reply.ts';
import { HIDDEN_NONCE } from './query-rows.ts';

export interface QueryPluginOptions {
  readonly store: RecordReader;
  readonly artifacts: Pick<ArtifactStore, 'size' | 'stream'>;
  /** Bearer that people must show, read anew for each request. */
  readonly token: () => string;
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
 * the user listener. Whoever holds the bearer may read everything that the server keeps.
 */
export async function queryPlugin(
  app: FastifyInstance,
  { store, artifacts, token, logger }: QueryPluginOptions,
): Promise<void> {
  app.setErrorHandler(errorHandler(logger));
  app.addHook('onRequest', async (request) => refuseStranger(request, token()));
  const rows = <T>(route: string, read: (request: FastifyRequest) => Promise<readonly T[]>) =>
    app.get(route, async (request) => ({ rows: await read(request) }));
  const row = (route: string, read: (request: FastifyRequest) => Promise<unknown>) =>
    app.get(route, async (request) => ({ row: (await read(request)) ?? null }));

  rows(QUERY_ROUTES.batches, () => store.listBatches());
  row(QUERY_ROUTES.batch, (request) => store.getBatch(asBatchId(need(request, 'id'))));
  row(QUERY_ROUTES.outcomes, (request) => store.countOutcomes(asBatchId(need(request, 'batch'))));
  rows(QUERY_ROUTES.rollouts, (request) =>
    store.listRollouts(asBatchId(need(request, 'batch')), {
      undecided: zQuery.safeParse(request.query).data?.undecided === 'true',
    }),
  );
  row(QUERY_ROUTES.rollout, (request) => store.getRollout(asRolloutId(need(request, 'id'))));
  rows(QUERY_ROUTES.attempts, async (request) => {
    const attempts = await store.listAttempts(asRolloutId(need(request, 'rollout')));
    return attempts.map(withoutNonce);
  });
  row(QUERY_ROUTES.attempt, async (request) => {
    const attempt = await store.getAttempt(asAttemptId(need(request, 'id')));
    return attempt && withoutNonce(attempt);
  });
  rows(QUERY_ROUTES.verifications, (request) =>
    store.listVerifications(asAttemptId(need(request, 'attempt'))),
  );
  rows(QUERY_ROUTES.calls, (request) => store.listCalls(asAttemptId(need(request, 'attempt'))));
  row(QUERY_ROUTES.call, (request) => store.getCall(need(request, 'id')));
  app.get(QUERY_ROUTES.artifact, async (request, reply) => {
    const { digest } = z.object({ digest: z.string() }).parse(request.params);
    const size = isSha256(digest) ? await artifacts.size(digest) : undefined;
    if (size === undefined) throw new ClawError('NotFound', `there is no artifact ${digest}`);
    reply.type('application/octet-stream').header('content-length', size);
    return reply.send(await artifacts.stream(asSha256(digest)));
  });
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

function refuseStranger(request: FastifyRequest, token: string): void {
  const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  // Digests have one length, so that time tells nothing about the token.
  if (token !== '' && timingSafeEqual(digest(given), digest(token))) return;
  throw new ClawError(
    'Unauthorized',
    'the bearer is not that of the Secret with the token for people',
  );
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
