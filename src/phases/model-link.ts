import { chmod, chown, mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ListenOptions, Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { claimSocketPath } from '../base/socket-path.ts';
import type { Backoff } from '../gateway/backoff.ts';
import { MAX_REQUEST_BYTES, tooLarge } from '../gateway/chat-completions.ts';
import { errorBody, type OpenAiError, openAiError } from '../gateway/openai-error.ts';
import { BodyBlocks } from './body-blocks.ts';
import {
  cancelCall,
  forwardCall,
  type LinkCallContext,
  type LinkLoss,
  type LinkRequest,
} from './link-call.ts';
import type { LinkGateway } from './link-gateway.ts';

export const GATEWAY_LOSS_SECONDS = 120;
export const LINK_SOCKET_NAME = 'model.sock';

const BACKOFF: Backoff = { firstMs: 50, maxMs: 2000 };
const MAX_HEADER_BYTES = 16 * 1024;
/** An agent may call in parallel, but every open call holds its request in memory. */
export const MAX_LINK_CONNECTIONS = 64;
const PATH = /^\/v1(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/;
const PLAIN_VALUE = /^[\x20-\x7e]{1,256}$/;

export interface LinkLimits {
  /** Largest body of one request. */
  readonly requestBytes: number;
  /** Bodies of all open calls together, so that an agent cannot fill this process's memory. */
  readonly heldBytes: number;
  /** Bodies and calls of the whole attempt: every call is recorded, and a disk has an end. */
  readonly totalBytes: number;
  readonly totalCalls: number;
}

export const LINK_LIMITS: LinkLimits = {
  requestBytes: MAX_REQUEST_BYTES,
  heldBytes: 96 * 1024 * 1024,
  totalBytes: 2 * 1024 * 1024 * 1024,
  totalCalls: 20_000,
};

/** For a companion's container, which has little memory: a body is held, sent and encrypted. */
export const POD_LINK_LIMITS: LinkLimits = {
  ...LINK_LIMITS,
  requestBytes: 24 * 1024 * 1024,
  heldBytes: 24 * 1024 * 1024,
};

export interface LinkOptions {
  /** The link's own; closed with it. */
  readonly gateway: LinkGateway;
  /** The attempt's bearer. It never leaves the link. */
  readonly bearer: string;
  /** A fresh name for each call, for example `crypto.randomUUID`. */
  readonly newCallId: () => string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly gatewayLossSeconds?: number;
  readonly backoff?: Backoff;
  readonly limits?: LinkLimits;
  /** Told once, when the link gives the gateway up: the attempt is then lost (`infra_error`). */
  readonly onLost: (loss: LinkLoss) => void;
}

/** A link whose agent has its own network: its loopback port is piped to a Unix socket. */
export interface SocketLinkOptions extends LinkOptions {
  /** Private folder of this link; made with mode 0700. The socket `model.sock` lies in it. */
  readonly folder: string;
  /** Who may connect besides root: the user of the sandbox. Absent: this process's user. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

export interface ModelLink extends AsyncDisposable {
  readonly lost: LinkLoss | undefined;
}

export interface SocketLink extends ModelLink {
  readonly socketPath: string;
}

/**
 * The companion's model link: an HTTP server that the agent's loopback port is piped to. It adds the
 * bearer and a call id and hides every absence of the gateway shorter than `gatewayLossSeconds`.
 * Everything that the agent sends is hostile: only method, path, body and two headers pass.
 */
export async function startModelLink(options: SocketLinkOptions): Promise<SocketLink> {
  const socketPath = join(options.folder, LINK_SOCKET_NAME);
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  await chmod(options.folder, 0o700);
  await claimSocketPath(socketPath);
  const link = new Link(options);
  await link.listen({ path: socketPath });
  await chmod(socketPath, 0o600);
  if (options.owner !== undefined) {
    const { uid, gid } = options.owner;
    await chown(socketPath, uid, gid);
    await chown(options.folder, uid, gid);
  }
  return Object.assign(link, { socketPath });
}

/** The same link on the loopback port itself, for an agent that shares this process's network. */
export async function startLoopbackLink(options: LinkOptions, port: number): Promise<ModelLink> {
  const link = new Link(options);
  await link.listen({ host: '127.0.0.1', port });
  return link;
}

class Link implements ModelLink {
  lost: LinkLoss | undefined;
  readonly #options: LinkOptions;
  readonly #context: LinkCallContext;
  readonly #server;
  readonly #calls = new Set<Promise<void>>();
  #heldBytes = 0;
  #totalBytes = 0;
  #totalCalls = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#context = {
      gateway: options.gateway,
      bearer: options.bearer,
      clock: options.clock,
      random: options.random,
      logger: options.logger,
      backoff: options.backoff ?? BACKOFF,
      gatewayLossSeconds: options.gatewayLossSeconds ?? GATEWAY_LOSS_SECONDS,
    };
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 10_000,
      requestTimeout: 120_000,
    };
    const busy = new Set<Socket>();
    this.#server = createServer(limits, (request, response) => {
      const { socket } = request;
      // One call a connection: requests that do not wait for answers have no bound.
      if (busy.has(socket)) {
        socket.destroy();
        return;
      }
      busy.add(socket);
      for (const end of ['finish', 'close']) response.once(end, () => busy.delete(socket));
      const call = this.#serve(request, response).catch((thrown: unknown) => {
        options.logger.warn({ error: errorMessage(thrown) }, 'model link dropped a request');
        response.destroy();
      });
      this.#calls.add(call);
      void call.finally(() => this.#calls.delete(call));
    });
    this.#server.maxConnections = MAX_LINK_CONNECTIONS;
  }

  async listen(place: ListenOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(place, resolve);
    await promise;
    this.#server.off('error', reject);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
    await Promise.all(this.#calls);
    await this.#options.gateway.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const held = { bytes: 0 };
    try {
      await this.#answer(await this.#read(request, held), request, response, gone.signal);
    } finally {
      this.#heldBytes -= held.bytes;
    }
  }

  async #answer(
    call: LinkRequest | OpenAiError,
    request: IncomingMessage,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    if ('status' in call) {
      refuse(response, call);
      // What is left of a refused body is not read.
      if (!request.complete) response.once('finish', () => request.destroy());
      return;
    }
    if (this.lost === undefined) {
      const loss = await forwardCall(call, response, this.#context, gone);
      if (gone.aborted && call.method === 'POST') await cancelCall(call.callId, this.#context);
      if (loss === undefined) return;
      if (loss.reason === 'NoPorts') {
        return breakOff(response, 'no_ports', 'This sandbox has used up its ports.');
      }
      this.#lose(loss);
    }
    breakOff(response, 'link_lost', 'The model gateway is gone.');
  }

  #lose(loss: LinkLoss): void {
    if (this.lost !== undefined) return;
    this.lost = loss;
    this.#options.logger.error({ reason: loss.reason, error: loss.message }, 'model link is lost');
    this.#options.onLost(loss);
  }

  async #read(
    request: IncomingMessage,
    held: { bytes: number },
  ): Promise<LinkRequest | OpenAiError> {
    const { method } = request;
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if ((method !== 'GET' && method !== 'POST') || path.length > 256 || !PATH.test(path)) {
      return openAiError(404, 'unknown_url', 'The model link serves GET and POST below /v1.');
    }
    const { requestBytes, heldBytes, totalBytes, totalCalls } = this.#options.limits ?? LINK_LIMITS;
    this.#totalCalls += 1;
    if (this.#totalCalls > totalCalls) return usedUp(`${totalCalls} calls`);
    const body = new BodyBlocks();
    // Destroying the request would take the refusal down with it.
    const parts: AsyncIterable<unknown> = request.iterator({ destroyOnReturn: false });
    for await (const part of parts) {
      if (!Buffer.isBuffer(part)) continue;
      held.bytes += part.length;
      this.#heldBytes += part.length;
      this.#totalBytes += part.length;
      if (this.#totalBytes > totalBytes) return usedUp(`${totalBytes} bytes of requests`);
      if (held.bytes > requestBytes || this.#heldBytes > heldBytes) return tooLarge(requestBytes);
      body.add(part);
    }
    return {
      callId: this.#options.newCallId(),
      method,
      path,
      contentType: plain(request.headers['content-type']),
      accept: plain(request.headers.accept),
      body: body.whole(),
    };
  }
}

/** 403, since clients repeat what they take for an overload. */
function usedUp(what: string): OpenAiError {
  return openAiError(403, 'link_limit', `This attempt may make ${what} at most.`);
}

/** A header value that is safe to pass on; anything odd counts as absent. */
function plain(value: string | undefined): string | undefined {
  return value !== undefined && PLAIN_VALUE.test(value) ? value : undefined;
}

/** A begun answer is broken off, never ended politely. */
function breakOff(response: ServerResponse, code: string, message: string): void {
  if (response.headersSent) response.destroy();
  else refuse(response, openAiError(503, code, message));
}

function refuse(response: ServerResponse, error: OpenAiError): void {
  const body = errorBody(error);
  response.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': body.byteLength,
    connection: 'close',
  });
  response.end(body);
}
