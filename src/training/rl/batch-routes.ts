import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import type { BatchSource } from './batch-source.ts';
import { zTrained } from './step-notes.ts';

const zNumber = z.coerce.number().int().min(0).max(1_000_000_000);
const zBatchPath = z.object({ number: zNumber });
const zAfter = z.object({ after: zNumber.default(0) });

/**
 * The three calls of a trainer below a path: the next batch as a long poll (200, 204 wait, 410 done), its
 * file, and the word that it is trained. Refusals are thrown, for the error handler around.
 *
 * @param sourceOf whose batches they are; throws for a stranger
 */
export function batchRoutes(
  app: FastifyInstance,
  prefix: string,
  sourceOf: (request: FastifyRequest) => Promise<BatchSource>,
  options: RouteShorthandOptions = {},
): void {
  app.get(`${prefix}/next`, options, async (request, reply) => {
    const source = await sourceOf(request);
    const { after } = fitting(zAfter, request.query);
    using gone = hangUp(reply);
    const next = await source.next(after, gone.signal);
    if (next === 'done') return await reply.code(410).send();
    if (next === 'wait') return await reply.code(204).send();
    return await reply.type('application/json').send(Buffer.from(next));
  });
  app.get(`${prefix}/:number/tokens`, options, async (request, reply) => {
    const source = await sourceOf(request);
    const { bytes, stream } = await source.tokens(fitting(zBatchPath, request.params).number);
    return await reply
      .type('application/octet-stream')
      .header('content-length', bytes)
      .send(stream);
  });
  app.post(`${prefix}/:number/trained`, options, async (request) => {
    const source = await sourceOf(request);
    const { number } = fitting(zBatchPath, request.params);
    await source.trained(number, fitting(zTrained, request.body));
    return {};
  });
}

/** Throws `InvalidInput` with the places that do not fit. */
export function fitting<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new ClawError('InvalidInput', said.join('; '));
}

function hangUp(reply: FastifyReply): Disposable & { readonly signal: AbortSignal } {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  reply.raw.on('close', abort);
  return { signal: gone.signal, [Symbol.dispose]: () => void reply.raw.off('close', abort) };
}
