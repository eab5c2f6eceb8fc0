import { isRecord, parseJson } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { ClawError } from '../base/error.ts';
import { renderFrames } from './render-completion.ts';
import { readTokenAnswer } from './token-answer.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from './upstream.ts';

/** An answer of 64 Ki tokens with ids and log-probabilities has about 8 MiB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * Asks an endpoint for the tokens of every answer and keeps them from the agent: it sees the same
 * words as without. Ids come whole only without a stream, so the endpoint is never asked for one, and an
 * agent that wants a stream gets the frames of the finished answer. An answer in another form than that of a
 * chat completion is the endpoint's failure (`UpstreamFailed`), never passed on as it came.
 */
export class TokenUpstream implements Upstream {
  readonly name: string;
  readonly #inner: Upstream;

  constructor(inner: Upstream) {
    this.name = inner.name;
    this.#inner = inner;
  }

  get answered(): boolean {
    return this.#inner.answered ?? false;
  }

  redact(text: string): string {
    return this.#inner.redact?.(text) ?? text;
  }

  async chat(ask: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    const { body, streamed } = askForTokens(ask.body);
    const response = await this.#inner.chat({ ...ask, body, accept: 'application/json' }, signal);
    if (response.status < 200 || response.status >= 300) return response;
    const bytes = await readWhole(response.body);
    const { body: plain, completion, tokens } = readTokenAnswer(bytes);
    const parts = streamed ? renderFrames(completion) : [new TextEncoder().encode(plain)];
    return {
      status: response.status,
      headers: { 'content-type': streamed ? 'text/event-stream' : 'application/json' },
      body: iterate(parts),
      ...(tokens !== undefined && { tokens: new TextEncoder().encode(canonicalJson(tokens)) }),
    };
  }
}

function askForTokens(body: Uint8Array): { readonly body: Uint8Array; readonly streamed: boolean } {
  const value = parseJson(new TextDecoder().decode(body));
  if (!isRecord(value)) return { body, streamed: false };
  const { stream, stream_options: _options, ...rest } = value;
  const asked = { ...rest, stream: false, logprobs: true, return_token_ids: true };
  return { body: new TextEncoder().encode(JSON.stringify(asked)), streamed: stream === true };
}

async function readWhole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      throw new ClawError(
        'TooLarge',
        `the model endpoint's answer is longer than ${MAX_ANSWER_BYTES} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* iterate(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
