import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError, toClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { StepBoard } from './step-board.ts';
import { zTrained } from './step-notes.ts';

export interface BatchServerOptions {
  /** The run's name in the paths. */
  readonly run: string;
  readonly board: StepBoard;
  readonly artifacts: Pick<ArtifactStore, 'read' | 'stream'>;
  /** What the trainer shows as bearer. */
  readonly token: string;
  readonly clock: Clock;
  /** How long a poll is held open where there is no news, in milliseconds. */
  readonly pollMs?: number;
}

const POLL_MS = 15_000;
const zNumber = z.coerce.number().int().min(0).max(1_000_000_000);
const zRunPath = z.object({ run: z.string() });
const zBatchPath = z.object({ run: z.string(), number: zNumber });
const zAfter = z.object({ after: zNumber.default(0) });

const STATUS: Readonly<Partial<Record<ClawError['code'], number>>> = {
  NotFound: 404,
  InvalidInput: 400,
  Conflict: 409,
  Unauthorized: 401,
};

/**
 * The token batches of one run for its trainer (docs/reference/rl-tokens.md): the next one as a long
 * poll, its file, and the word that it is trained.
 */
export async function batchServer(
  app: FastifyInstance,
  options: BatchServerOptions,
): Promise<void> {
  app.addHook('onRequest', async (request) => refuseStranger(request, options.token));
  app.setErrorHandler(async (thrown, _request, reply) => {
    const { code, message } = asRefusal(thrown);
    await reply.code(STATUS[code] ?? 500).send({ code, message });
  });
  app.get('/v1/runs/:run/batches/next', (request, reply) => next(request, reply, options));
  app.get('/v1/runs/:run/batches/:number/tokens', async (request, reply) => {
    const { tokens } = frozenBatch(request, options);
    return await reply
      .type('application/octet-stream')
      .header('content-length', tokens.bytes)
      .send(await options.artifacts.stream(tokens.sha256));
  });
  app.post('/v1/runs/:run/batches/:number/trained', async (request, reply) => {
    const { number } = ownPath(zBatchPath, request, options.run);
    await options.board.acknowledge(number, zTrained.parse(request.body));
    return await reply.code(200).send({});
  });
}

async function next(
  request: FastifyRequest,
  reply: FastifyReply,
  { run, board, artifacts, clock, pollMs = POLL_MS }: BatchServerOptions,
): Promise<FastifyReply> {
  ownPath(zRunPath, request, run);
  const { after } = zAfter.parse(request.query);
  const until = clock.monotonic() + pollMs;
  using gone = hangUp(reply);
  for (;;) {
    const due = board.steps.find(({ frozen, trained }) => frozen.number && trained === undefined);
    const { number, index } = due?.frozen ?? {};
    if (number !== undefined && index !== undefined && number > after) {
      return await reply.type('application/json').send(Buffer.from(await artifacts.read(index)));
    }
    if (number !== undefined) {
      // It holds a checkpoint with the batch, and its word about it was lost.
      throw new ClawError(
        'Conflict',
        `batch ${number} is not acknowledged: post /v1/runs/${run}/batches/${number}/trained first`,
      );
    }
    if (board.closed) return await reply.code(410).send();
    const left = until - clock.monotonic();
    if (left <= 0 || gone.signal.aborted) return await reply.code(204).send();
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, gone.signal]);
    await Promise.race([board.news, clock.sleep(left, signal).catch(() => undefined)]);
    stop.abort();
  }
}

function hangUp(reply: FastifyReply): Disposable & { readonly signal: AbortSignal } {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  reply.raw.on('close', abort);
  return { signal: gone.signal, [Symbol.dispose]: () => void reply.raw.off('close', abort) };
}

function frozenBatch(request: FastifyRequest, { run, board }: BatchServerOptions) {
  const { number } = ownPath(zBatchPath, request, run);
  const tokens = board.batch(number)?.frozen.tokens;
  if (tokens === undefined) throw new ClawError('NotFound', `run ${run} has no batch ${number}`);
  return { tokens };
}

function ownPath<T extends { run: string }>(
  schema: z.ZodType<T>,
  request: FastifyRequest,
  run: string,
): T {
  const path = schema.parse(request.params);
  if (path.run === run) return path;
  throw new ClawError('NotFound', `this server has the batches of ${run}, not of ${path.run}`);
}

function refuseStranger({ headers: { authorization } }: FastifyRequest, token: string): void {
  const shown = Buffer.from(sha256(authorization ?? ''));
  if (timingSafeEqual(shown, Buffer.from(sha256(`Bearer ${token}`)))) return;
  throw new ClawError('Unauthorized', "expected the run's token as bearer");
}

function asRefusal(thrown: unknown): ClawError {
  if (!(thrown instanceof z.ZodError)) return toClawError(thrown);
  const said = thrown.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return new ClawError('InvalidInput', said.join('; '));
}
