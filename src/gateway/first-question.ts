import { isRecord, parseJson } from '../base/brand.ts';
import { errorMessage } from '../base/error.ts';
import { plainText } from '../base/plain-text.ts';
import { type FixedSampling, withSampling } from './chat-request.ts';
import type { Upstream, UpstreamResponse } from './upstream.ts';

/** An endpoint that must answer before a run starts. */
export interface FirstQuestion {
  readonly upstream: Upstream;
  readonly model: string;
  readonly sampling: FixedSampling | undefined;
  /** The text without the endpoint's key. */
  readonly redact: (text: string) => string;
}

export interface FirstQuestionOptions {
  readonly signal: AbortSignal;
  /** Transient failures are tried again for so long, default 20 s. */
  readonly retryMs?: number;
  /** Most time for an answer, default 180 s: a server may load its model on the first call. */
  readonly answerMs?: number;
}

/** What may be wrong, for whoever has to put it right. */
export type Suspect = 'key' | 'credit' | 'model' | 'address' | 'sampling' | 'endpoint';

/** Why an endpoint will not do; keys are taken out. */
export interface EndpointRefusal {
  /** Of the answer; absent where none came, or one that is no chat completion. */
  readonly status?: number;
  /** What it did, to stand behind its name, with its own sentence. */
  readonly words: string;
  readonly suspects: readonly Suspect[];
}

const RETRY_MS = 20_000;
const ANSWER_MS = 180_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const SHOWN = 300;

/**
 * Asks an endpoint for one token, with the run's sampling; undefined where it answers. Throws only where
 * `signal` aborts.
 */
export async function askFirst(
  question: FirstQuestion,
  options: FirstQuestionOptions,
): Promise<EndpointRefusal | undefined> {
  const first = await answerOf(question, { max_tokens: 1 }, options);
  if (first.kind === 'none') return silence(question, first.reason);
  if (first.accepted) {
    if (isCompletion(first.text)) return undefined;
    const words = `answered with something else than a chat completion${quote(question.redact(first.text))}`;
    return { words, suspects: ['address'] };
  }
  // Some models refuse so small an answer, or the name of the field; then they are asked plainly.
  const plain = first.status === 400 || first.status === 422;
  const last = plain ? await answerOf(question, { stream: true }, options) : first;
  if (last.kind === 'none') return silence(question, last.reason);
  if (last.accepted) return undefined;
  const { status, text } = last;
  const sentence = quote(question.redact(ownSentence(text)));
  return {
    status,
    words: `refused the call with status ${status}${sentence}`,
    suspects: suspectsOf(status),
  };
}

/** Pure: what a refusal is usually about. */
export function suspectsOf(status: number): readonly Suspect[] {
  if (status === 401) return ['key'];
  // A 429 that is passed on means "pay", not "wait" (see Upstream.chat).
  if (status === 402 || status === 429) return ['credit'];
  if (status === 403) return ['key', 'model'];
  if (status < 400 || status === 404 || status === 405) return ['model', 'address'];
  return ['model', 'sampling'];
}

function silence({ redact }: FirstQuestion, reason: string): EndpointRefusal {
  return { words: `gave no answer${quote(redact(reason))}`, suspects: ['address', 'endpoint'] };
}

type Answer =
  | {
      readonly kind: 'some';
      readonly status: number;
      readonly accepted: boolean;
      readonly text: string;
    }
  | { readonly kind: 'none'; readonly reason: string };

async function answerOf(
  { model, sampling, upstream }: FirstQuestion,
  extra: { readonly max_tokens?: number; readonly stream?: boolean },
  { signal, retryMs = RETRY_MS, answerMs = ANSWER_MS }: FirstQuestionOptions,
): Promise<Answer> {
  const messages = [{ role: 'user', content: 'Answer with one word: ready?' }];
  const plain = new TextEncoder().encode(JSON.stringify({ model, messages }));
  const body = withSampling(withSampling(plain, sampling), extra);
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  try {
    const response = await upstream.chat({ body, accept: 'application/json', retryMs }, bounded);
    const { status } = response;
    const accepted = status >= 200 && status < 300;
    const text = await startOf(response, accepted && extra.stream === true ? 1 : MAX_ANSWER_BYTES);
    return { kind: 'some', status, accepted, text };
  } catch (thrown) {
    signal.throwIfAborted();
    return { kind: 'none', reason: errorMessage(thrown) };
  }
}

async function startOf({ body }: UpstreamResponse, bytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= bytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isCompletion(text: string): boolean {
  const value = jsonOf(text);
  return isRecord(value) && Array.isArray(value['choices']);
}

/** The message of an error in one of the usual shapes; else the text as it is. */
function ownSentence(text: string): string {
  const value = jsonOf(text);
  if (!isRecord(value)) return text;
  const error = value['error'];
  const said = [isRecord(error) ? error['message'] : error, value['message'], value['detail']];
  return said.find((each) => typeof each === 'string') ?? text;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function quote(text: string): string {
  const line = plainText(text, SHOWN);
  return line === '' ? '' : `: "${line}"`;
}
