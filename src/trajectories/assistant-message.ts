import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { parseJson } from '../base/brand.ts';

/** What the model answered, put together from a body or from deltas. */
export interface AssistantMessage {
  readonly content: string;
  readonly reasoning: string;
  readonly toolCalls: readonly AssistantToolCall[];
  readonly finishReason: string | undefined;
  readonly usage: AssistantUsage | undefined;
  /** The error that the answer carried, or why it could not be read. */
  readonly error: string | undefined;
}

export interface AssistantToolCall {
  readonly id: string;
  readonly name: string;
  /** As the model wrote it; may not be JSON. */
  readonly arguments: string;
}

export interface AssistantUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
}

const zText = z.string().nullish();
const zCall = z.looseObject({
  index: z.number().nullish(),
  id: zText,
  function: z.looseObject({ name: zText, arguments: zText }).nullish(),
});
const zPart = z.looseObject({
  content: zText,
  reasoning_content: zText,
  reasoning: zText,
  tool_calls: z.array(zCall).nullish(),
});
const zCount = z.number().nullish();
const zAnswer = z.looseObject({
  choices: z
    .array(
      z.looseObject({ finish_reason: zText, message: zPart.nullish(), delta: zPart.nullish() }),
    )
    .nullish(),
  usage: z
    .looseObject({
      prompt_tokens: zCount,
      completion_tokens: zCount,
      prompt_tokens_details: z.looseObject({ cached_tokens: zCount }).nullish(),
    })
    .nullish(),
  error: z.looseObject({ message: zText }).nullish(),
});
type Answer = z.infer<typeof zAnswer>;

/** Reads a recorded answer; never throws: what cannot be read is named in `error`. */
export function assembleAnswer(bytes: Uint8Array, contentType: string): AssistantMessage {
  const message = new MessageBuilder();
  const text = new TextDecoder().decode(bytes);
  if (/^\s*text\/event-stream/i.test(contentType)) {
    const parser = createParser({ onEvent: (event) => message.addText(event.data) });
    parser.feed(text);
    parser.feed('\n\n');
  } else {
    message.addText(text);
  }
  return message.build();
}

class MessageBuilder {
  #content = '';
  #reasoning = '';
  readonly #calls: { key: number | undefined; id: string; name: string; arguments: string }[] = [];
  #finishReason: string | undefined;
  #usage: AssistantUsage | undefined;
  #error: string | undefined;

  addText(data: string): void {
    if (data.trim() === '[DONE]') return;
    let value: unknown;
    try {
      value = parseJson(data);
    } catch {
      this.#error ??= 'not JSON';
      return;
    }
    const answer = zAnswer.safeParse(value);
    if (answer.success) this.#add(answer.data);
    else this.#error ??= 'not a chat completion';
  }

  build(): AssistantMessage {
    return {
      content: this.#content,
      reasoning: this.#reasoning,
      toolCalls: this.#calls.map(({ id, name, arguments: args }) => ({
        id,
        name,
        arguments: args,
      })),
      finishReason: this.#finishReason,
      usage: this.#usage,
      error: this.#error,
    };
  }

  #add(answer: Answer): void {
    if (answer.error) this.#error ??= answer.error.message ?? 'error without a message';
    if (answer.usage) {
      this.#usage = {
        inputTokens: answer.usage.prompt_tokens ?? 0,
        outputTokens: answer.usage.completion_tokens ?? 0,
        cachedTokens: answer.usage.prompt_tokens_details?.cached_tokens ?? 0,
      };
    }
    const choice = answer.choices?.[0];
    this.#finishReason = choice?.finish_reason ?? this.#finishReason;
    const part = choice?.message ?? choice?.delta;
    if (!part) return;
    this.#content += part.content ?? '';
    this.#reasoning += part.reasoning_content ?? part.reasoning ?? '';
    for (const call of part.tool_calls ?? []) this.#addCall(call);
  }

  /** Deltas without an index start a call where they bring an id, and go on with the last one else. */
  #addCall(call: z.infer<typeof zCall>): void {
    const key = call.index ?? undefined;
    const id = call.id ?? '';
    let open =
      key === undefined
        ? id === ''
          ? this.#calls.at(-1)
          : undefined
        : this.#calls.find((known) => known.key === key);
    if (open === undefined) {
      open = { key, id: '', name: '', arguments: '' };
      this.#calls.push(open);
    }
    if (id !== '') open.id = id;
    open.name += call.function?.name ?? '';
    open.arguments += call.function?.arguments ?? '';
  }
}
