import type { AttemptId } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { CallFinish } from '../store/records.ts';
import { type CallAsk, type CallContext, CallRun } from './call-run.ts';
import { parseChatRequest, upstreamBody } from './chat-request.ts';
import { errorBody, type OpenAiError, openAiError } from './openai-error.ts';
import type { GatewaySession } from './session.ts';
import { hashBearer, type SessionDirectory } from './session-directory.ts';

/** Names a call: the link makes it, and repeats it when it has to ask again. */
export const CALL_ID_HEADER = 'x-clawgym-call-id';
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

const CALL_ID = /^[A-Za-z0-9-]{8,64}$/;
const MODELS_PATH = '/v1/models';
const CHAT_PATH = '/v1/chat/completions';
/** Outside of /v1, so that nothing that an agent can ask for reaches it. */
const CALLS_PREFIX = '/calls/';

export interface GatewayRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly callId: string | undefined;
  readonly accept: string | undefined;
  readonly body: Uint8Array;
}

export interface GatewayAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array> | Uint8Array;
}

export interface GatewayOptions extends CallContext {
  readonly sessions: SessionDirectory;
}

/**
 * The model gateway without its transport. It authenticates an attempt, opens a row before the
 * upstream is asked, and answers a known call id from its record or from the call in flight.
 *
 * A lost connection does not stop a call: only `DELETE /calls/ID` does (the link sends it when the
 * agent itself hangs up), or `detachSeconds` without a reader.
 */
export class Gateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  readonly #runs = new Map<string, CallRun>();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /**
   * What to answer to somebody without a session, before anything of his body is read; undefined for
   * those who have one. Never throws.
   */
  async refuseStranger(authorization: string | undefined): Promise<GatewayAnswer | undefined> {
    try {
      return (await this.#authenticate(authorization)) === undefined ? stranger() : undefined;
    } catch (thrown) {
      return this.#failed(thrown, undefined);
    }
  }

  /** Never throws; a 5xx means that the gateway itself failed and the same id may be sent again. */
  async handle(request: GatewayRequest, signal: AbortSignal): Promise<GatewayAnswer> {
    try {
      const session = await this.#authenticate(request.authorization);
      if (session === undefined) return stranger();
      return await this.#route(session, request, signal);
    } catch (thrown) {
      // The store refuses an id of another attempt without saying whose it is.
      if (thrown instanceof ClawError && thrown.code === 'Conflict') {
        return refuse(otherCall(request.callId ?? ''));
      }
      // Who hung up reads no answer, and nothing has failed.
      if (thrown instanceof ClawError && thrown.code === 'Cancelled' && signal.aborted) {
        return refuse(openAiError(503, 'client_gone', 'The client went away.'));
      }
      return this.#failed(thrown, request.callId);
    }
  }

  #failed(thrown: unknown, callId: string | undefined): GatewayAnswer {
    const message = errorMessage(thrown);
    this.#options.logger.error({ callId, error: message }, 'gateway failed');
    return refuse(openAiError(503, 'gateway_failed', `The gateway failed: ${message}`));
  }

  /**
   * The attempt's agent is gone: stops its calls and resolves when they are recorded. Revoke its
   * session first.
   */
  async endAttempt(attempt: AttemptId): Promise<void> {
    const runs = [...this.#runs.values()].filter((run) => run.ask.session.attempt === attempt);
    for (const run of runs) run.cancel();
    await Promise.all(runs.map((run) => run.done));
  }

  /** Gives up all calls without a record; their ids are asked again by the next gateway. */
  async [Symbol.asyncDispose](): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const run of runs) run.abandon();
    await Promise.all(runs.map((run) => run.done));
  }

  async #authenticate(authorization: string | undefined): Promise<GatewaySession | undefined> {
    const bearer = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
    return bearer === undefined ? undefined : await this.#options.sessions.find(hashBearer(bearer));
  }

  async #route(
    session: GatewaySession,
    request: GatewayRequest,
    signal: AbortSignal,
  ): Promise<GatewayAnswer> {
    const { method, path } = request;
    if (method === 'POST' && path === CHAT_PATH) return await this.#chat(session, request, signal);
    if (method === 'GET' && path === MODELS_PATH) return listModels(session);
    if (method === 'DELETE' && path.startsWith(CALLS_PREFIX)) {
      const run = this.#runs.get(path.slice(CALLS_PREFIX.length));
      if (run?.ask.session.attempt === session.attempt) run.cancel();
      return { status: 204, contentType: 'application/json', body: new Uint8Array() };
    }
    return refuse(
      openAiError(
        404,
        'unknown_url',
        `This gateway does not serve ${method} ${path.slice(0, 200)}.`,
      ),
    );
  }

  async #chat(
    session: GatewaySession,
    request: GatewayRequest,
    signal: AbortSignal,
  ): Promise<GatewayAnswer> {
    const { callId, body } = request;
    if (callId === undefined || !CALL_ID.test(callId)) {
      return refuse(
        openAiError(
          400,
          'missing_call_id',
          `Header ${CALL_ID_HEADER}: expected 8 to 64 letters, digits or "-".`,
        ),
      );
    }
    if (body.byteLength > MAX_REQUEST_BYTES) return refuse(tooLarge());
    const chat = readChat(body, session);
    if ('status' in chat) return refuse(chat);
    const flying = this.#runs.get(callId);
    if (flying?.finished === false) return await this.#join(flying, session, sha256(body), signal);
    return await this.#openOrReplay(session, { ...request, callId }, chat, signal);
  }

  async #openOrReplay(
    session: GatewaySession,
    request: GatewayRequest & { readonly callId: string },
    chat: ReadChat,
    signal: AbortSignal,
  ): Promise<GatewayAnswer> {
    const { callId, body } = request;
    const { records, artifacts, clock } = this.#options;
    const { digest } = await artifacts.put(body);
    const { attempt, model } = session;
    const opened = { callId, attempt, model, request: digest, startedAt: clock.now() };
    const { row, created } = await records.openCall(opened);
    if (row.attempt !== attempt || row.request !== digest) return refuse(otherCall(callId));
    if (!created) {
      // A twin of this request may be at work, or may have finished since the row was read.
      const twin = this.#runs.get(callId);
      if (twin?.finished === true) await twin.done;
      const finish = row.finish ?? (await records.getCall(callId))?.finish;
      if (finish !== undefined) return await this.#replay(finish);
    }
    const run =
      this.#runs.get(callId) ?? this.#start({ session, row, ...chat, accept: request.accept });
    return await this.#join(run, session, digest, signal);
  }

  #start(ask: CallAsk): CallRun {
    const run = new CallRun(ask, this.#options);
    const { callId } = ask.row;
    this.#runs.set(callId, run);
    void run.done.finally(() => this.#runs.delete(callId));
    return run;
  }

  async #replay({ status, contentType, response }: CallFinish): Promise<GatewayAnswer> {
    return { status, contentType, body: await this.#options.artifacts.stream(response) };
  }

  async #join(
    run: CallRun,
    session: GatewaySession,
    digest: string,
    signal: AbortSignal,
  ): Promise<GatewayAnswer> {
    const { row } = run.ask;
    if (row.attempt !== session.attempt || row.request !== digest)
      return refuse(otherCall(row.callId));
    const body = run.join(signal);
    const gone = Promise.withResolvers<never>();
    signal.addEventListener(
      'abort',
      () => gone.reject(new ClawError('Cancelled', 'client went away')),
      { once: true },
    );
    return { ...(await Promise.race([run.head, gone.promise])), body };
  }
}

/** A checked request, and its bytes for the upstream. */
type ReadChat = Pick<CallAsk, 'request' | 'body'>;

/** Everything that can fail for the agent's bytes fails here, before a row is opened. */
function readChat(body: Uint8Array, session: GatewaySession): ReadChat | OpenAiError {
  try {
    const request = parseChatRequest(body);
    if (request.model === session.model) {
      return { request, body: upstreamBody(body, request, session.sampling) };
    }
    const asked = JSON.stringify(request.model.slice(0, 200));
    return openAiError(
      404,
      'model_not_found',
      `Model ${asked} is not served here; the model is ${JSON.stringify(session.model)}.`,
    );
  } catch (thrown) {
    return openAiError(400, 'invalid_request', errorMessage(thrown));
  }
}

function listModels(session: GatewaySession): GatewayAnswer {
  const data = [{ id: session.model, object: 'model', created: 0, owned_by: 'clawgym' }];
  const body = new TextEncoder().encode(JSON.stringify({ object: 'list', data }));
  return { status: 200, contentType: 'application/json', body };
}

function stranger(): GatewayAnswer {
  return refuse(openAiError(401, 'invalid_api_key', 'The bearer is unknown or was revoked.'));
}

function otherCall(callId: string): OpenAiError {
  return openAiError(409, 'call_id_reused', `Call id ${callId} was used for another request.`);
}

export function tooLarge(maxBytes = MAX_REQUEST_BYTES): OpenAiError {
  return openAiError(
    413,
    'request_too_large',
    `The request body is larger than ${maxBytes} bytes.`,
  );
}

function refuse(error: OpenAiError): GatewayAnswer {
  return { status: error.status, contentType: 'application/json', body: errorBody(error) };
}
