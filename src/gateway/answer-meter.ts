import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { parseJson } from '../base/brand.ts';

/**
 * Watches an answer go by: is its end in sight, was it whole, did it carry an error, how many tokens
 * did it cost. Never changes a byte.
 */
export interface AnswerMeter {
  feed(chunk: Uint8Array): void;
  /** Call once after the last chunk. */
  end(): void;
  /** True once a reader of the bytes fed so far could take the answer as finished. */
  readonly ending: boolean;
  /** Why the answer is not whole; undefined where it is. Read it after `end`. */
  readonly fault: string | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

// A count in another form than a count is one that was not told; the answer stands.
const zCount = z.int().min(0).nullish().catch(undefined);
const zUsage = z.looseObject({ prompt_tokens: zCount, completion_tokens: zCount });
const zChunk = z.looseObject({
  choices: z.array(z.looseObject({ finish_reason: z.string().nullish() })).nullish(),
  usage: zUsage.nullish().catch(undefined),
  error: z.unknown().optional(),
});
type Chunk = z.infer<typeof zChunk>;

/** Largest JSON answer whose usage is read; a longer one is passed on unread. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

export function isEventStream(contentType: string): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(contentType);
}

export function answerMeter(contentType: string): AnswerMeter {
  return isEventStream(contentType) ? new StreamMeter() : new JsonMeter();
}

abstract class UsageMeter {
  ending = false;
  fault: string | undefined;
  inputTokens: number | undefined;
  outputTokens: number | undefined;

  protected read(text: string): Chunk | undefined {
    let value: unknown;
    try {
      value = parseJson(text);
    } catch {
      return undefined;
    }
    const chunk = zChunk.safeParse(value);
    if (!chunk.success) return undefined;
    this.inputTokens = chunk.data.usage?.prompt_tokens ?? this.inputTokens;
    this.outputTokens = chunk.data.usage?.completion_tokens ?? this.outputTokens;
    return chunk.data;
  }
}

/** Server-sent events. `data: {"error": ...}` is how endpoints report a failure after the headers. */
class StreamMeter extends UsageMeter implements AnswerMeter {
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({ onEvent: (event) => this.#event(event.data) });
  #chosen = false;

  feed(chunk: Uint8Array): void {
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }));
  }

  end(): void {
    // Some endpoints leave out the blank line after the last event; clients read it all the same.
    this.#parser.feed(`${this.#decoder.decode()}\n\n`);
    if (!this.ending) this.fault ??= 'the stream ended without a finish reason';
    // "[DONE]" alone, or behind frames that nobody can read, is not an answer: the model said nothing.
    else if (!this.#chosen) this.fault ??= 'the stream holds no choices';
  }

  #event(data: string): void {
    if (data.trim() === '[DONE]') {
      this.ending = true;
      return;
    }
    const chunk = this.read(data);
    if (chunk === undefined) return;
    this.#chosen ||= holdsChoices(chunk);
    if (chunk.error !== undefined && chunk.error !== null) {
      this.fault ??= `the stream carried an error: ${JSON.stringify(chunk.error).slice(0, 500)}`;
    }
    if (chunk.choices?.some((choice) => typeof choice.finish_reason === 'string'))
      this.ending = true;
  }
}

class JsonMeter extends UsageMeter implements AnswerMeter {
  // A body can be read as finished only when all of it is there, so it is held from the first byte.
  override ending = true;
  #chunks: Uint8Array[] = [];
  #size = 0;

  feed(chunk: Uint8Array): void {
    this.#size += chunk.byteLength;
    if (this.#size > MAX_JSON_BYTES) this.#chunks = [];
    else this.#chunks.push(chunk);
  }

  end(): void {
    if (this.#size > MAX_JSON_BYTES) return;
    const chunk = this.read(new TextDecoder().decode(Buffer.concat(this.#chunks)));
    if (chunk === undefined) this.fault = 'the body is not whole JSON';
    else if (!holdsChoices(chunk)) this.fault = 'the body holds no choices';
  }
}

function holdsChoices({ choices }: Chunk): boolean {
  return Array.isArray(choices) && choices.length > 0;
}
