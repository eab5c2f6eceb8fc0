import type { IncomingMessage } from 'node:http';
import { ClawError } from '../../../base/error.ts';
import { refusal, wholeBody } from '../../../phases/pod/answer.ts';
import type { ListenerConnection, Outgoing } from '../../../phases/pod/listener-connection.ts';
import { TRAINING_ROUTES } from '../../../protocol/training-pod-api.ts';
import type { ServedBatches } from '../forwarded-batches.ts';
import type { Trained } from '../step-notes.ts';

export interface BatchClientOptions {
  readonly connection: Pick<ListenerConnection, 'send'>;
  /** The pod's token as it is now: the kubelet renews it. */
  readonly readToken: () => Promise<string>;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** Longer than the server holds a question open. */
const IDLE_MS = 60_000;
/** A policy is kept, or a checkpoint is looked up, before the answer. */
const WORD_IDLE_MS = 300_000;
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * The server's batches as the sidecar of a trainer sees them. Nothing is repeated here: the trainer does so
 * while it gets no answer that is one.
 */
export function batchClient(options: BatchClientOptions): ServedBatches {
  const place = (path: string): string => `${TRAINING_ROUTES.batches}${path}`;
  return {
    next: async (after, gone) => {
      const signal = AbortSignal.any([options.signal, gone]);
      const path = place(`/next?after=${after}`);
      const answer = await send(options, { ...GET, path, signal, idleMs: IDLE_MS });
      if (answer.statusCode === 204 || answer.statusCode === 410) {
        answer.resume();
        return answer.statusCode === 204 ? 'wait' : 'done';
      }
      return await bodyOf('next batch', answer, MAX_INDEX_BYTES);
    },
    tokens: async (number) => {
      const outgoing = { ...GET, path: place(`/${number}/tokens`), idleMs: IDLE_MS };
      const answer = await send(options, { ...outgoing, signal: options.signal });
      const bytes = Number(answer.headers['content-length']);
      if (answer.statusCode === 200 && Number.isInteger(bytes)) return { bytes, stream: answer };
      throw await refused(`tokens of batch ${number}`, answer);
    },
    keepPolicy: (number, word) => say(options, place(`/${number}/policy`), word),
    trained: (number, word) => say(options, place(`/${number}/trained`), word),
  };
}

const GET = { method: 'GET', headers: {}, body: null } as const;

async function say(options: BatchClientOptions, path: string, word: Trained): Promise<void> {
  const body = Buffer.from(JSON.stringify(word));
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  const { signal } = options;
  const outgoing = { method: 'POST', path, headers, body, signal, idleMs: WORD_IDLE_MS } as const;
  await bodyOf(path, await send(options, outgoing), MAX_ANSWER_BYTES);
}

async function bodyOf(what: string, answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (answer.statusCode !== 200) throw await refused(what, answer);
  return await wholeBody(answer, maxBytes);
}

/** What the trainer is told to its face; all else it asks again. */
const SAID: Readonly<Record<number, 'Conflict' | 'InvalidInput' | 'NotFound'>> = {
  400: 'InvalidInput',
  404: 'NotFound',
  409: 'Conflict',
};

async function refused(what: string, answer: IncomingMessage): Promise<ClawError> {
  const body = await wholeBody(answer, MAX_ANSWER_BYTES);
  const error = refusal(what, answer.statusCode ?? 0, body);
  const code = SAID[answer.statusCode ?? 0];
  // The operator has not told of this pod's Job yet: no word about the batch.
  const waits = body.includes('"decision"');
  return code === undefined || waits ? error : new ClawError(code, error.message);
}

async function send(
  { connection, readToken }: BatchClientOptions,
  outgoing: Outgoing,
): Promise<IncomingMessage> {
  const token = (await readToken()).trim();
  const headers = { ...outgoing.headers, authorization: `Bearer ${token}` };
  return await connection.send({ ...outgoing, headers });
}
