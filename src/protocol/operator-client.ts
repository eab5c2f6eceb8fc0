import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { isRecord, parseJson } from '../base/brand.ts';
import { asErrorCode, ClawError, errorMessage } from '../base/error.ts';
import type { ClawGymServer, ServerCall } from './claw-gym-server.ts';
import {
  OPERATOR_PREFIX,
  zBatchState,
  zBenchResultsAnswer,
  zEvidenceAnswer,
  zFinishAnswer,
  zJobState,
  zOpenBatches,
  zRolloutLines,
  zServerInfo,
  zServerSpeaker,
  zTaskSetAnswer,
} from './operator-api.ts';
import { zPolicyPodState } from './policy-api.ts';
import {
  PROTOCOL_HEADER,
  protocolHeader,
  requireShared,
  type Speaker,
  THIS_OPERATOR,
} from './protocol-version.ts';
import { zRlState } from './rl-api.ts';
import { type Connection, type ConnectionFiles, ServerConnection } from './server-connection.ts';
import { synthesisClient } from './synthesis-client.ts';
import { zOpenTrainings, zTrainingState } from './training-api.ts';

export interface OperatorClientOptions extends ConnectionFiles {
  /** For example `https://clawgym-server.clawgym.svc:8444`. */
  readonly url: string;
  /** Of one call, default 30 s. */
  readonly timeoutMs?: number;
  /**
   * What the bytes of each call but a GET go through, by its place such as `PUT /operator/v1/info`.
   * Where it aborts the request nothing is sent, and the call fails with `ServerUnavailable`.
   */
  readonly beforeSend?: BeforeSend | undefined;
  /** What the operator speaks; default: what this release does. */
  readonly speaks?: Speaker | undefined;
}

export type BeforeSend = (place: string) => Dispatcher.DispatcherComposeInterceptor;

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const zProblem = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });
/** For answers that only say that it is done. */
const zNothing = z.unknown();

/**
 * The operator API over HTTP. Answers go through their schemas; CA and token are read from their files
 * for each call. Nothing is retried but a refused token, once, since the file may hold a newer one.
 */
export class OperatorClient implements AsyncDisposable, ClawGymServer {
  readonly #options: OperatorClientOptions;
  readonly #base: string;
  readonly #connection: ServerConnection;
  readonly #speaks: Speaker;

  /** Throws `InvalidInput` for a URL that cannot be one. */
  constructor(options: OperatorClientOptions) {
    const url = URL.parse(options.url);
    if (url === null || !['http:', 'https:'].includes(url.protocol))
      throw new ClawError(
        'InvalidInput',
        `server URL ${JSON.stringify(options.url)}: expected http(s)://HOST:PORT`,
      );
    this.#options = options;
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, '')}${OPERATOR_PREFIX}`;
    this.#connection = new ServerConnection(options);
    this.#speaks = options.speaks ?? THIS_OPERATOR;
  }

  /** Throws `ProtocolMismatch`, whatever else the answer holds. */
  info: ClawGymServer['info'] = async (call) => {
    const answer = await this.#send('GET', '/info', zServerSpeaker, call);
    requireShared(this.#speaks, answer);
    return fitting(`GET ${OPERATOR_PREFIX}/info`, zServerInfo, answer);
  };

  planBatch: ClawGymServer['planBatch'] = async (uid, body, call) =>
    this.#send('PUT', batchPath(uid), zBatchState, call, body);

  batch: ClawGymServer['batch'] = async (uid, call) => {
    try {
      return await this.#send('GET', batchPath(uid), zBatchState, call);
    } catch (thrown) {
      if (thrown instanceof ClawError && thrown.code === 'NotFound') return undefined;
      throw thrown;
    }
  };

  openBatches: ClawGymServer['openBatches'] = async (call) =>
    (await this.#send('GET', '/batches', zOpenBatches, call)).batches;

  newJob: ClawGymServer['newJob'] = async (uid, body, call) =>
    this.#send('POST', batchPath(uid, 'jobs'), zJobState, call, body);

  jobCreated: ClawGymServer['jobCreated'] = async (uid, name, jobUid, call) => {
    await this.#send('PUT', batchPath(uid, 'jobs', name, 'uid'), zNothing, call, { uid: jobUid });
  };

  jobOver: ClawGymServer['jobOver'] = async (uid, name, cause, call) => {
    await this.#send('POST', batchPath(uid, 'jobs', name, 'over'), zNothing, call, { cause });
  };

  evidence: ClawGymServer['evidence'] = async (uid, pods, call) =>
    (await this.#send('POST', batchPath(uid, 'evidence'), zEvidenceAnswer, call, { pods })).stored;

  cancel: ClawGymServer['cancel'] = async (uid, reason, call) => {
    await this.#send('POST', batchPath(uid, 'cancel'), zNothing, call, { reason });
  };

  finish: ClawGymServer['finish'] = async (uid, call) =>
    (await this.#send('POST', batchPath(uid, 'finish'), zFinishAnswer, call, {})).results;

  rollouts: ClawGymServer['rollouts'] = async (uid, call) =>
    this.#send('GET', batchPath(uid, 'rollouts'), zRolloutLines, call);

  benchResults: ClawGymServer['benchResults'] = async (uid, body, call) =>
    this.#send('PUT', path('benches', uid, 'results'), zBenchResultsAnswer, call, body);

  taskSet: ClawGymServer['taskSet'] = async (source, call) =>
    this.#send('PUT', '/task-sets', zTaskSetAnswer, call, { source });

  expectImport: ClawGymServer['expectImport'] = async (podUid, body, call) => {
    await this.#send('PUT', path('imports', podUid), zNothing, call, body);
  };

  policyPod: ClawGymServer['policyPod'] = async (podUid, body, call) =>
    this.#send('PUT', path('policies', podUid), zPolicyPodState, call, body);

  policyOf: ClawGymServer['policyOf'] = async (batch, body, call) =>
    this.#send('PUT', path('policies', 'batches', batch), zPolicyPodState, call, body);

  endPolicies: ClawGymServer['endPolicies'] = async (owner, call) => {
    await this.#send('POST', path('policies', owner, 'end'), zNothing, call, {});
  };

  planTraining: ClawGymServer['planTraining'] = async (uid, body, call) =>
    this.#send('PUT', path('training', uid), zTrainingState, call, body);

  training: ClawGymServer['training'] = async (uid, call) => {
    try {
      return await this.#send('GET', path('training', uid), zTrainingState, call);
    } catch (thrown) {
      if (thrown instanceof ClawError && thrown.code === 'NotFound') return undefined;
      throw thrown;
    }
  };

  openTrainings: ClawGymServer['openTrainings'] = async (call) =>
    (await this.#send('GET', '/training', zOpenTrainings, call)).runs;

  trainingJob: ClawGymServer['trainingJob'] = async (uid, job, call) =>
    this.#send('PUT', path('training', uid, 'job'), zTrainingState, call, job);

  trainerEnded: ClawGymServer['trainerEnded'] = async (uid, body, call) =>
    this.#send('POST', path('training', uid, 'ended'), zTrainingState, call, body);

  cancelTraining: ClawGymServer['cancelTraining'] = async (uid, body, call) => {
    await this.#send('POST', path('training', uid, 'cancel'), zNothing, call, body);
  };

  planRl: ClawGymServer['planRl'] = async (uid, body, call) =>
    this.#send('PUT', path('training', uid, 'rl'), zRlState, call, body);

  rl: ClawGymServer['rl'] = async (uid, call) => {
    try {
      return await this.#send('GET', path('training', uid, 'rl'), zRlState, call);
    } catch (thrown) {
      if (thrown instanceof ClawError && thrown.code === 'NotFound') return undefined;
      throw thrown;
    }
  };

  rlBatch: ClawGymServer['rlBatch'] = async (uid, part, batchUid, call) => {
    const where = path('training', uid, 'rl', 'batches', part);
    await this.#send('PUT', where, zNothing, call, { uid: batchUid });
  };

  living: ClawGymServer['living'] = async (body, call) => {
    await this.#send('PUT', '/living', zNothing, call, body);
  };

  readonly synthesis: ClawGymServer['synthesis'] = synthesisClient((...asked) =>
    this.#send(...asked),
  );

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  async #send<T>(
    method: 'GET' | 'PUT' | 'POST',
    where: string,
    schema: z.ZodType<T>,
    call: ServerCall,
    body?: unknown,
  ): Promise<T> {
    const place = `${method} ${OPERATOR_PREFIX}${where}`;
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? 30_000);
    const signal = AbortSignal.any([call.signal, timeout]);
    const send = { method, path: where, body, place, signal };
    try {
      const first = await this.#answer(send);
      const answer = first.statusCode === 401 ? await this.#answer(send) : first;
      return readAnswer(place, schema, answer);
    } catch (thrown) {
      // The caller's own reason: a reconcile that was ended is no failure of the server.
      call.signal.throwIfAborted();
      if (thrown instanceof ClawError) throw thrown;
      const why = timeout.aborted ? 'no answer in time' : errorMessage(thrown);
      throw new ClawError('ServerUnavailable', `${place}: ${why}`, {
        cause: thrown,
        retryable: true,
      });
    }
  }

  async #answer(send: Send): Promise<Answer> {
    const connection = await this.#connection.current();
    const { beforeSend } = this.#options;
    const fenced = beforeSend !== undefined && send.method !== 'GET';
    const { dispatcher } = connection;
    const { statusCode, headers, body } = await request(`${this.#base}${send.path}`, {
      method: send.method,
      signal: send.signal,
      dispatcher: fenced ? dispatcher.compose(beforeSend(send.place)) : dispatcher,
      headers: {
        ...headersOf(connection, send.body !== undefined),
        [PROTOCOL_HEADER]: protocolHeader(this.#speaks),
      },
      ...(send.body === undefined ? {} : { body: JSON.stringify(send.body) }),
    });
    return { statusCode, headers, text: await bounded(send.place, body) };
  }
}

interface Send {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body: unknown;
  readonly place: string;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly statusCode: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
}

function headersOf({ token }: Connection, hasBody: boolean): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    ...(hasBody ? { 'content-type': 'application/json' } : {}),
  };
}

async function bounded(place: string, body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES)
      throw new ClawError('TooLarge', `${place}: the answer is above ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readAnswer<T>(place: string, schema: z.ZodType<T>, answer: Answer): T {
  if (answer.statusCode < 200 || answer.statusCode > 299) throw problemOf(place, answer);
  return fitting(place, schema, jsonOf(answer.text));
}

function fitting<T>(place: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ClawError(
    'Internal',
    `${place}: the answer does not fit the operator API: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}; do operator and server have the same version?`,
    { cause: parsed.error },
  );
}

/** The server's own error; an answer that is not the server's (a proxy, a start-up) is retryable. */
function problemOf(place: string, { statusCode, headers, text }: Answer): ClawError {
  const parsed = zProblem.safeParse(jsonOf(text));
  const retryAfterMs = retryAfter(headers['retry-after']);
  const details = { status: statusCode, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const passing = statusCode === 429 || statusCode >= 500;
  if (!parsed.success || (passing && parsed.data.retryable))
    return new ClawError(
      'ServerUnavailable',
      `${place}: status ${statusCode}: ${parsed.data?.message ?? text.slice(0, 300)}`,
      { retryable: true, details },
    );
  const { code, message, retryable } = parsed.data;
  return new ClawError(asErrorCode(code), message, { retryable, details });
}

function jsonOf(text: string): unknown {
  if (text === '') return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Whole seconds, the only form that the server sends. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header : header?.[0];
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** Milliseconds that the server asked to wait, where an error says so. */
export function retryAfterOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof ClawError) || !isRecord(thrown.details)) return undefined;
  const ms = thrown.details['retryAfterMs'];
  return typeof ms === 'number' ? ms : undefined;
}

function batchPath(uid: string, ...more: readonly string[]): string {
  return path('batches', uid, ...more);
}

function path(...segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
}
