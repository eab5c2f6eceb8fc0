import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import {
  CALL_ID_HEADER,
  type Gateway,
  type GatewayAnswer,
  MAX_REQUEST_BYTES,
  tooLarge,
} from '../gateway/chat-completions.ts';
import { errorBody, openAiError } from '../gateway/openai-error.ts';

export interface GatewayPluginOptions {
  readonly gateway: Gateway;
  readonly logger: Logger;
  /** Where the plugin is mounted, for example `/gateway`; the gateway itself never sees it. */
  readonly prefix?: string;
  /** Told of each request whose bearer has a session, before its body is read. */
  readonly proven?: (request: FastifyRequest) => void;
}

/** Puts the gateway on a Fastify instance: raw bodies in, answers out as they grow. */
export async function gatewayPlugin(
  app: FastifyInstance,
  options: GatewayPluginOptions,
): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: MAX_REQUEST_BYTES },
    (_request, body, done) => done(null, body),
  );
  // A body may have 64 MiB: nobody sends one who has no session.
  app.addHook('onRequest', async (request, reply) => {
    const refusal = await options.gateway.refuseStranger(request.headers.authorization);
    if (refusal === undefined) {
      options.proven?.(request);
      return;
    }
    reply.hijack();
    await send(refusal, reply, options.logger);
  });
  app.setErrorHandler(async (thrown, _request, reply) => {
    const large = errorStatus(thrown) === 413;
    const error = large
      ? tooLarge()
      : openAiError(errorStatus(thrown), 'bad_request', errorMessage(thrown));
    await reply
      .code(error.status)
      .type('application/json')
      .send(Buffer.from(errorBody(error)));
  });
  app.setNotFoundHandler(async (_request, reply) => {
    const error = openAiError(404, 'unknown_url', 'This gateway serves GET, POST and DELETE.');
    await reply
      .code(404)
      .type('application/json')
      .send(Buffer.from(errorBody(error)));
  });
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/*',
    bodyLimit: MAX_REQUEST_BYTES,
    handler: (request, reply) => serve(request, reply, options),
  });
}

async function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  options: GatewayPluginOptions,
): Promise<void> {
  const gone = new AbortController();
  reply.raw.on('close', () => gone.abort());
  const answer = await options.gateway.handle(
    {
      method: request.method,
      path: (request.url.split('?', 1)[0] ?? '').slice(options.prefix?.length ?? 0),
      authorization: request.headers.authorization,
      callId: single(request.headers[CALL_ID_HEADER]),
      accept: request.headers.accept,
      body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
    },
    gone.signal,
  );
  reply.hijack();
  await send(answer, reply, options.logger);
}

/** Writes past Fastify: the stream's failure must break the connection, never end it politely. */
async function send(answer: GatewayAnswer, reply: FastifyReply, logger: Logger): Promise<void> {
  const { raw } = reply;
  if (answer.body instanceof Uint8Array) {
    raw.writeHead(answer.status, {
      'content-type': answer.contentType,
      'content-length': answer.body.byteLength,
    });
    raw.end(answer.body);
    return;
  }
  raw.writeHead(answer.status, { 'content-type': answer.contentType });
  try {
    await pipeline(Readable.from(answer.body, { objectMode: false }), raw);
  } catch (thrown) {
    logger.debug({ error: errorMessage(thrown) }, 'answer was not read to its end');
    raw.destroy();
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function errorStatus(thrown: unknown): number {
  return thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number'
    ? thrown.statusCode
    : 400;
}
