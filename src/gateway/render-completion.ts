/** One answer of a model, to be written as a chat completion. */
export interface Completion {
  readonly id: string;
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly content?: string | undefined;
  readonly reasoning?: string | undefined;
  readonly toolCalls?: readonly CompletionToolCall[] | undefined;
  readonly usage: CompletionUsage;
  /** Default: `tool_calls` where there are any, else `stop`. */
  readonly finishReason?: string | undefined;
}

export interface CompletionToolCall {
  /** `[A-Za-z0-9]{1,40}`: harnesses rewrite other ids. */
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

export interface CompletionUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const encoder = new TextEncoder();

/** The answer to a request without `stream`. */
export function renderJson(completion: Completion): Uint8Array {
  const toolCalls = completion.toolCalls ?? [];
  const message = {
    role: 'assistant',
    content: completion.content ?? null,
    ...(completion.reasoning === undefined ? {} : { reasoning_content: completion.reasoning }),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map(renderToolCall) }),
  };
  return encoder.encode(
    JSON.stringify({
      id: completion.id,
      object: 'chat.completion',
      created: completion.created,
      model: completion.model,
      choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(completion) }],
      usage: renderUsage(completion.usage),
    }),
  );
}

/** The answer to a request with `stream: true`: one SSE frame an element, the last is `[DONE]`. */
export function renderFrames(completion: Completion): readonly Uint8Array[] {
  const deltas: object[] = [{ role: 'assistant', content: '' }];
  if (completion.reasoning !== undefined) deltas.push({ reasoning_content: completion.reasoning });
  if (completion.content !== undefined) deltas.push({ content: completion.content });
  for (const [index, call] of (completion.toolCalls ?? []).entries()) {
    deltas.push({ tool_calls: [{ index, ...renderToolCall(call) }] });
  }
  const head = {
    id: completion.id,
    object: 'chat.completion.chunk',
    created: completion.created,
    model: completion.model,
  };
  const choice = (delta: object, reason: string | null) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
  });
  const chunks = [
    ...deltas.map((delta) => JSON.stringify(choice(delta, null))),
    JSON.stringify(choice({}, finishReason(completion))),
    JSON.stringify({ ...head, choices: [], usage: renderUsage(completion.usage) }),
    '[DONE]',
  ];
  return chunks.map((chunk) => encoder.encode(`data: ${chunk}\n\n`));
}

function finishReason(completion: Completion): string {
  const called = (completion.toolCalls ?? []).length > 0;
  return completion.finishReason ?? (called ? 'tool_calls' : 'stop');
}

function renderToolCall(call: CompletionToolCall): object {
  return {
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  };
}

function renderUsage(usage: CompletionUsage): object {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}
