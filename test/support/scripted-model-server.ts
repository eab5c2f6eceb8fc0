import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { isRecord } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import { type ChatRequest, parseChatRequest } from '../../src/gateway/chat-request.ts';
import { type Completion, renderFrames, renderJson } from '../../src/gateway/render-completion.ts';

/** What the model says in one turn. Arguments are given as objects. */
export interface ScriptTurn {
  readonly content?: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: object }[];
  readonly usage?: { readonly inputTokens: number; readonly outputTokens: number };
}

export interface ScriptedRequest {
  /** Over the server's life, from 0; a retried request counts again. */
  readonly index: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly chat: ChatRequest;
  /** Text of the first user message. */
  readonly prompt: string;
  /** Assistant messages so far: the number of the turn that is asked for, from 0. */
  readonly turn: number;
}

/** What goes wrong with a request instead of, or inside, its answer. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: string;
      readonly body?: string;
    }
  /** Status 200 with these bytes, whatever was asked for. */
  | { readonly kind: 'body'; readonly body: string; readonly contentType?: string }
  /**
   * The connection is reset before a byte of the answer, or after so many frames and `when`. A reset
   * may overtake bytes that the client has not read: let `when` wait for what it must have seen.
   */
  | { readonly kind: 'reset'; readonly afterFrames?: number; readonly when?: Promise<unknown> }
  /** No more bytes after so many frames; the connection stays open. */
  | { readonly kind: 'stall'; readonly afterFrames?: number }
  /** The stream ends politely after so many frames, without a finish reason. */
  | { readonly kind: 'truncate'; readonly afterFrames: number; readonly when?: Promise<unknown> }
  | { readonly kind: 'slow'; readonly msPerFrame: number }
  /** Waits for the promise before the frame of that number. */
  | { readonly kind: 'gate'; readonly beforeFrame: number; readonly open: Promise<unknown> };

export interface ScriptedModelOptions {
  readonly script: (request: ScriptedRequest) => ScriptTurn;
  readonly fault?: (request: ScriptedRequest) => Fault | undefined;
}

export interface ScriptedModelServer extends AsyncDisposable {
  /** For example `http://127.0.0.1:40123/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly ScriptedRequest[];
  /** Indexes of requests whose client hung up before the end of its answer. */
  readonly hungUp: ReadonlySet<number>;
  /** Resolves when so many requests have arrived. */
  arrived(count: number): Promise<void>;
  /** Resolves when the client of that request has hung up. */
  abandoned(index: number): Promise<void>;
}

/**
 * A script by task: the turns of the first key that the prompt contains, then "Done." for ever.
 * `{ 'Sort the mail': [{ toolCalls: [...] }, { content: 'Sorted.' }] }`
 */
export function taskScript(tasks: Readonly<Record<string, readonly ScriptTurn[]>>) {
  return (request: ScriptedRequest): ScriptTurn => {
    const turns = Object.entries(tasks).find(([match]) => request.prompt.includes(match))?.[1];
    return turns?.[request.turn] ?? { content: 'Done.' };
  };
}

/** One tool call a turn. */
export function toolTurn(name: string, args: object): ScriptTurn {
  return { toolCalls: [{ name, arguments: args }] };
}

/** A real OpenAI-compatible endpoint on a free loopback port, deterministic to the byte. */
export async function startScriptedModel(
  options: ScriptedModelOptions,
): Promise<ScriptedModelServer> {
  const requests: ScriptedRequest[] = [];
  const hungUp = new Set<number>();
  const waiting: { ready: () => boolean; resolve: () => void }[] = [];
  const stopped = new AbortController();
  const settle = () => {
    for (const entry of waiting) if (entry.ready()) entry.resolve();
  };
  const until = async (ready: () => boolean) => {
    if (ready()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ ready, resolve });
    await promise;
  };
  const server = createServer((incoming, response) => {
    const serve = async () => {
      const body = await buffer(incoming);
      if (incoming.method !== 'POST' || !(incoming.url ?? '').endsWith('/chat/completions')) {
        response.writeHead(404).end('{"error":{"message":"unknown url"}}');
        return;
      }
      const index = requests.length;
      const request = describeRequest(index, incoming.headers, body);
      requests.push(request);
      response.on('close', () => {
        if (!response.writableFinished) hungUp.add(index);
        settle();
      });
      settle();
      await answer(request, response, options, stopped.signal);
    };
    serve().catch(() => response.destroy());
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await listening;
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    hungUp,
    arrived: (count) => until(() => requests.length >= count),
    abandoned: (index) => until(() => hungUp.has(index)),
    async [Symbol.asyncDispose]() {
      stopped.abort();
      const { promise, resolve: closed } = Promise.withResolvers<void>();
      server.close(() => closed());
      server.closeAllConnections();
      await promise;
    },
  };
}

function describeRequest(
  index: number,
  headers: IncomingHttpHeaders,
  body: Buffer,
): ScriptedRequest {
  const chat = parseChatRequest(body);
  const content = chat.messages.find((message) => message.role === 'user')?.['content'];
  const parts: readonly unknown[] = Array.isArray(content) ? content : [];
  const prompt =
    typeof content === 'string'
      ? content
      : parts
          .map((part) => (isRecord(part) && typeof part['text'] === 'string' ? part['text'] : ''))
          .join('\n');
  const turn = chat.messages.filter((message) => message.role === 'assistant').length;
  return { index, headers, body, chat, prompt, turn };
}

async function answer(
  request: ScriptedRequest,
  response: ServerResponse,
  options: ScriptedModelOptions,
  stopped: AbortSignal,
): Promise<void> {
  const fault = options.fault?.(request);
  if (fault?.kind === 'status') {
    const retry = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
    response.writeHead(fault.status, { 'content-type': 'application/json', ...retry });
    response.end(fault.body ?? `{"error":{"message":"scripted ${fault.status}"}}`);
    return;
  }
  if (fault?.kind === 'body') {
    response.writeHead(200, { 'content-type': fault.contentType ?? 'application/json' });
    response.end(fault.body);
    return;
  }
  const frames = renderTurn(request, options.script(request));
  for (const [position, frame] of frames.entries()) {
    if (fault?.kind === 'slow') await delay(fault.msPerFrame, undefined, { signal: stopped });
    if (fault?.kind === 'gate' && fault.beforeFrame === position) await fault.open;
    if (fault !== undefined && stopsAt(fault) === position) break;
    if (!response.headersSent) {
      const type = request.chat.stream === true ? 'text/event-stream' : 'application/json';
      response.writeHead(200, { 'content-type': type });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    response.write(frame, () => resolve());
    await promise;
  }
  if (fault?.kind === 'stall') return;
  if (fault !== undefined && 'when' in fault) await fault.when;
  if (fault?.kind === 'reset') response.socket?.resetAndDestroy();
  else response.end();
}

function stopsAt(fault: Fault): number | undefined {
  if (fault.kind === 'truncate') return fault.afterFrames;
  return fault.kind === 'reset' || fault.kind === 'stall' ? (fault.afterFrames ?? 0) : undefined;
}

function renderTurn(request: ScriptedRequest, turn: ScriptTurn): readonly Uint8Array[] {
  const key = sha256(`${request.prompt}\n${request.turn}`).slice(0, 24);
  const completion: Completion = {
    id: `scripted${key}`,
    model: request.chat.model,
    created: 1_700_000_000,
    content: turn.content,
    reasoning: turn.reasoning,
    toolCalls: (turn.toolCalls ?? []).map((call, index) => ({
      id: `call${key}${index}`,
      name: call.name,
      arguments: JSON.stringify(call.arguments),
    })),
    usage: turn.usage ?? { inputTokens: 100, outputTokens: 10 },
  };
  return request.chat.stream === true ? renderFrames(completion) : [renderJson(completion)];
}
