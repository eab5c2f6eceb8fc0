import { PassThrough, type Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ClawError } from '../../base/error.ts';

/**
 * Hands the raw body of an upload to `take`, which may end it early: the connection then stays until
 * the answer is out, or nobody would hear why. Where the connection ends first, the body fails for
 * whoever reads it, now or later.
 */
export async function spliceBody<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  maxBytes: number,
  take: (body: Readable) => Promise<T>,
): Promise<T> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    throw new ClawError('TooLarge', `an upload of this claim has at most ${maxBytes} bytes`);
  }
  const body = new PassThrough();
  // `take` may wait before it reads, or fail before it does: an error that nobody hears ends the process.
  body.on('error', () => undefined);
  const source: Readable = request.raw;
  const ended = (): void => {
    if (!source.readableEnded) body.destroy(new Error('the connection ended'));
  };
  source.once('close', ended);
  // It may have ended while its token was proven, and then says so no more.
  if (source.destroyed) ended();
  source.pipe(body);
  try {
    return await take(body);
  } catch (thrown) {
    source.unpipe(body);
    body.destroy();
    reply.header('connection', 'close');
    throw thrown;
  }
}
