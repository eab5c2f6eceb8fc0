import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { asErrorCode, ClawError } from '../../base/error.ts';
import { plainText } from '../../base/plain-text.ts';
import { readAnswer, wholeBody } from '../../phases/pod/answer.ts';
import { giveUpAfter } from '../../phases/pod/give-up.ts';
import type { ListenerConnection } from '../../phases/pod/listener-connection.ts';
import { type RepeatDeps, repeatCall } from '../../phases/pod/repeat-call.ts';
import { zNoClaim } from '../../protocol/sandbox-api.ts';

export interface SynthesisClientOptions extends RepeatDeps {
  readonly connection: Pick<ListenerConnection, 'send'>;
  /** The pod's token as it is now: the kubelet renews it. */
  readonly readToken: () => Promise<string>;
  /** So long a call is repeated while no server answers; default 300. */
  readonly awaySeconds?: number;
}

export interface Ask {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: unknown;
}

/** Rows of many records at once. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;
/** A server that says nothing for so long is asked again; a model's answer is held for less. */
const IDLE_MS = 90_000;
const AWAY_SECONDS = 300;

const zProblem = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });

/**
 * The server as the worker of a SynthesisJob sees it. Calls go on through its restarts; what it refuses
 * is thrown with its own code, and `ServerUnavailable` says that it was away for too long.
 */
export class SynthesisClient {
  readonly #options: SynthesisClientOptions;

  constructor(options: SynthesisClientOptions) {
    this.#options = options;
  }

  async call<T>(what: string, ask: Ask, schema: z.ZodType<T>, stop: AbortSignal): Promise<T> {
    const { clock, awaySeconds = AWAY_SECONDS } = this.#options;
    using giveUp = giveUpAfter(awaySeconds, clock, stop);
    try {
      return await repeatCall(
        what,
        (signal) => this.#once(what, ask, schema, signal),
        this.#options,
        giveUp.signal,
      );
    } catch (thrown) {
      stop.throwIfAborted();
      if (!(thrown instanceof ClawError) || thrown.code !== 'Timeout') throw thrown;
      // Nothing of it is about one record.
      throw new ClawError('ServerUnavailable', thrown.message, { cause: thrown });
    }
  }

  async #once<T>(
    what: string,
    { method, path, body }: Ask,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const token = (await this.#options.readToken()).trim();
    const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers = {
      authorization: `Bearer ${token}`,
      ...(bytes !== null && {
        'content-type': 'application/json',
        'content-length': bytes.length,
      }),
    };
    const outgoing = { method, path, headers, body: bytes, signal, idleMs: IDLE_MS };
    const answer = await this.#options.connection.send(outgoing);
    const said = await wholeBody(answer, MAX_ANSWER_BYTES);
    if (answer.statusCode === 200) return readAnswer(what, said, schema);
    throw problemOf(what, answer.statusCode ?? 0, said);
  }
}

/** What may pass is retryable: an outage, an overload, a server that knows of the pod only soon. */
function problemOf(what: string, status: number, body: Buffer): ClawError {
  const json = jsonOf(body);
  const wait = zNoClaim.safeParse(json);
  if (wait.success)
    return new ClawError('ServerUnavailable', wait.data.reason, { retryable: true });
  const problem = zProblem.safeParse(json);
  if (problem.success) {
    const { code, message, retryable } = problem.data;
    return new ClawError(asErrorCode(code), message, { retryable, details: { status } });
  }
  const said = plainText(body.subarray(0, 2000).toString('utf8'));
  return new ClawError('ServerUnavailable', `${what}: the server answered ${status}: ${said}`, {
    retryable: status >= 500 || status === 429,
    details: { status },
  });
}

function jsonOf(body: Buffer): unknown {
  try {
    return parseJson(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
