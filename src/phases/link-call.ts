import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { type Backoff, backoffMs } from '../gateway/backoff.ts';
import { CALL_ID_HEADER } from '../gateway/chat-completions.ts';
import { hasCode } from '../store/durable-file.ts';
import type { LinkGateway } from './link-gateway.ts';

/** One request of the agent, read whole and cleaned, so that it can be sent more than once. */
export interface LinkRequest {
  readonly callId: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly body: Buffer;
}

/** A gateway that held a call for so long was there: one that dies of each call at once never is. */
const HELD_MS = 2000;
/**
 * How often one call may find the gateway back before its last absence is the last: as many restarts of a
 * server in one answer are none that waiting mends.
 */
const MOST_RETURNS = 10;

export interface LinkCallContext {
  readonly gateway: LinkGateway;
  readonly bearer: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly backoff: Backoff;
  readonly gatewayLossSeconds: number;
}

/** Why the link can no longer serve this attempt. */
export interface LinkLoss {
  /**
   * `Away`: no gateway for too long. `Fenced`: it refuses our bearer. `Diverged`: the answer changed.
   * `NoPorts`: the sandbox itself holds every port that a connection could begin at. That is its agent's
   * doing and costs the call, never the link: an attempt must not be lost at an agent's wish.
   */
  readonly reason: 'Away' | 'Fenced' | 'Diverged' | 'NoPorts';
  readonly message: string;
}

/**
 * Forwards one call until the agent has its whole answer. A lost connection, before or inside the
 * answer, is followed by the same call id again; bytes that the agent already has are compared and
 * left out. What counts against `gatewayLossSeconds` is one absence: a gateway that held the call again in
 * between was there, though the model had no time to answer. That holds `MOST_RETURNS` times a call, so
 * each call has an end, whatever its gateway does. Returns the loss where the link must be given up; the caller then answers or breaks off.
 *
 * @param signal aborts when the agent hangs up
 */
export async function forwardCall(
  request: LinkRequest,
  response: ServerResponse,
  context: LinkCallContext,
  signal: AbortSignal,
): Promise<LinkLoss | undefined> {
  const { clock, gatewayLossSeconds } = context;
  const answer = new AnswerCopy(response, signal);
  let awaySince: number | undefined;
  let returns = 0;
  for (let failures = 1; !signal.aborted; failures += 1) {
    const before = answer.sent;
    let takenAt: number | undefined;
    const onTaken = (): void => {
      takenAt = clock.monotonic();
    };
    try {
      await sendOnce(request, answer, { ...context, onTaken }, signal);
      return undefined;
    } catch (thrown) {
      if (signal.aborted) return undefined;
      if (thrown instanceof LostLink) return thrown.loss;
      const now = clock.monotonic();
      const held = takenAt !== undefined && now - takenAt >= HELD_MS;
      if (answer.sent > before || (held && !(thrown instanceof GatewayFailed))) {
        returns += 1;
        if (returns <= MOST_RETURNS) awaySince = undefined;
        failures = 1;
      }
      awaySince ??= now;
      const message = errorMessage(thrown);
      if (now - awaySince >= gatewayLossSeconds * 1000) {
        const reason = hasCode(thrown, 'EADDRNOTAVAIL') ? 'NoPorts' : 'Away';
        return { reason, message: lossText(gatewayLossSeconds, returns, message) };
      }
      context.logger.warn({ callId: request.callId, failures, error: message }, 'gateway is away');
    }
    const pause = backoffMs(context.backoff, failures, context.random());
    await clock.sleep(pause, signal).catch(() => undefined);
  }
  return undefined;
}

function lossText(seconds: number, returns: number, message: string): string {
  return returns > MOST_RETURNS
    ? `the gateway let go of one call ${returns} times: ${message}`
    : `no gateway for ${seconds} s: ${message}`;
}

/** Tells the gateway that the agent hung up, so that the upstream stops. Best effort, bounded. */
export async function cancelCall(callId: string, context: LinkCallContext): Promise<void> {
  try {
    const reply = await context.gateway.call({
      method: 'DELETE',
      path: `/calls/${callId}`,
      headers: { authorization: `Bearer ${context.bearer}` },
      body: null,
      signal: AbortSignal.timeout(5000),
    });
    await reply.dump();
  } catch (thrown) {
    context.logger.debug({ callId, error: errorMessage(thrown) }, 'call was not cancelled');
  }
}

async function sendOnce(
  request: LinkRequest,
  answer: AnswerCopy,
  context: LinkCallContext & { readonly onTaken: () => void },
  signal: AbortSignal,
): Promise<void> {
  const { contentType, accept } = request;
  const reply = await context.gateway.call({
    method: request.method,
    path: request.path,
    headers: {
      authorization: `Bearer ${context.bearer}`,
      [CALL_ID_HEADER]: request.callId,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(accept === undefined ? {} : { accept }),
    },
    body: request.method === 'POST' ? request.body : null,
    signal,
    onTaken: context.onTaken,
  });
  const { statusCode: status, headers, body } = reply;
  if (status === 401 || status >= 500) {
    await reply.dump();
    if (status === 401)
      throw new LostLink({ reason: 'Fenced', message: 'the gateway refused the bearer' });
    throw new GatewayFailed(status);
  }
  const type = headers['content-type'];
  await answer.copy(status, typeof type === 'string' ? type : 'application/json', body);
}

/** It is there and cannot serve. */
class GatewayFailed extends ClawError {
  constructor(status: number) {
    super('UpstreamFailed', `gateway answered ${status}`, { retryable: true });
  }
}

class LostLink extends ClawError {
  readonly loss: LinkLoss;

  constructor(loss: LinkLoss) {
    super('UpstreamFailed', loss.message);
    this.loss = loss;
  }
}

/** Writes an answer to the agent once, however often it arrives. Holds a digest, not the bytes. */
class AnswerCopy {
  sent = 0;
  readonly #response: ServerResponse;
  readonly #signal: AbortSignal;
  readonly #hash = createHash('sha256');

  constructor(response: ServerResponse, signal: AbortSignal) {
    this.#response = response;
    this.#signal = signal;
  }

  async copy(status: number, contentType: string, body: AsyncIterable<unknown>): Promise<void> {
    if (this.#response.headersSent && this.#response.statusCode !== status) throw diverged();
    const start = this.sent;
    const known = createHash('sha256');
    let position = 0;
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk)) throw new ClawError('Internal', 'gateway body is not bytes');
      const old = Math.max(0, Math.min(chunk.length, start - position));
      if (old > 0) known.update(chunk.subarray(0, old));
      position += chunk.length;
      // The first new byte may follow only when all that the agent has was seen again.
      if (old > 0 && position >= start) this.#compare(known);
      if (old < chunk.length) await this.#write(status, contentType, chunk.subarray(old));
    }
    if (position < start) throw diverged();
    if (!this.#response.headersSent) {
      this.#response.writeHead(status, { 'content-type': contentType });
    }
    this.#response.end();
  }

  #compare(known: ReturnType<typeof createHash>): void {
    if (!known.copy().digest().equals(this.#hash.copy().digest())) throw diverged();
  }

  async #write(status: number, contentType: string, bytes: Buffer): Promise<void> {
    if (!this.#response.headersSent)
      this.#response.writeHead(status, { 'content-type': contentType });
    this.#hash.update(bytes);
    this.sent += bytes.length;
    if (!this.#response.write(bytes)) await once(this.#response, 'drain', { signal: this.#signal });
  }
}

function diverged(): LostLink {
  return new LostLink({
    reason: 'Diverged',
    message: 'the repeated answer differs from what the agent already has',
  });
}
