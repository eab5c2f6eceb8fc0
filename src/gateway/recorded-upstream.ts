import { isRecord } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { type ChatRequest, parseChatRequest } from './chat-request.ts';
import type { RecordedTurn, Recording } from './recording.ts';
import { type Completion, renderFrames, renderJson } from './render-completion.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from './upstream.ts';

/**
 * Answers from a recording: the row by the first user message, the turn by the number of assistant
 * messages so far. Deterministic to the byte; a request that the recording does not know gets a
 * final text that says so, so that an agent ends instead of failing.
 */
export class RecordedUpstream implements Upstream {
  readonly name: string;
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.name = `recording:${recording.model}`;
    this.#recording = recording;
  }

  async chat(ask: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    signal.throwIfAborted();
    const request = parseChatRequest(ask.body);
    const completion = recordedCompletion(this.#recording, request);
    const stream = request.stream === true;
    const frames = stream ? renderFrames(completion) : [renderJson(completion)];
    return {
      status: 200,
      headers: { 'content-type': stream ? 'text/event-stream' : 'application/json' },
      body: iterate(frames),
    };
  }
}

async function* iterate(frames: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* frames;
}

/** The answer of a recording to a request. Pure. */
export function recordedCompletion(recording: Recording, request: ChatRequest): Completion {
  const prompt = firstUserText(request);
  const index = request.messages.filter((message) => message.role === 'assistant').length;
  // The longest match wins, so that a general row can stand beside a special one.
  const row = recording.tasks
    .filter((task) => prompt.includes(task.match))
    .toSorted((a, b) => b.match.length - a.match.length)[0];
  const turn: RecordedTurn = row?.turns[index] ?? {
    content: missing(recording, row?.task, row?.turns.length ?? 0, index),
    tool_calls: [],
  };
  const key = sha256(`${recording.model}\n${row?.match ?? ''}\n${index}`).slice(0, 24);
  return {
    id: `rec${key}`,
    model: request.model,
    created: 0,
    content: turn.content,
    toolCalls: turn.tool_calls.map((call, position) => ({
      id: `call${key}${position}`,
      name: call.name,
      arguments: JSON.stringify(call.arguments),
    })),
    usage: {
      inputTokens: turn.usage?.prompt_tokens ?? 0,
      outputTokens: turn.usage?.completion_tokens ?? 0,
    },
  };
}

function missing(
  recording: Recording,
  task: string | undefined,
  turns: number,
  index: number,
): string {
  return task === undefined
    ? `The recording ${recording.model} has no row for this task.`
    : `The recording ${recording.model} has ${turns} turns for ${task}; turn ${index + 1} was asked for.`;
}

function firstUserText(request: ChatRequest): string {
  const content = request.messages.find((message) => message.role === 'user')?.['content'];
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const parts: readonly unknown[] = content;
  return parts
    .map((part) => (isRecord(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .join('\n');
}
