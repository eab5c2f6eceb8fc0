import { isRecord, type JsonValue, parseJson } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import type { AssistantMessage } from './assistant-message.ts';
import { messageText, type ReadCall, type RequestMessage } from './read-calls.ts';
import { type SessionCalls, splitSessions, turnsBefore } from './split-sessions.ts';

/** One line of an OpenClaw session file, as PinchBench graders read it. */
export type SessionRecord = Readonly<Record<string, JsonValue>>;

type Part = Readonly<Record<string, JsonValue>>;

/**
 * Rebuilds the session records of an attempt from its model calls: per conversation a `session`
 * record, then one `message` record for each message of the last request and for the last answer.
 * System messages are left out, as OpenClaw leaves them out. Ids and times come from the rows, so
 * that the same calls always give the same bytes.
 *
 * @param cwd the workspace as the agent saw it
 */
export function sessionTranscript(
  calls: readonly ReadCall[],
  cwd: string,
): readonly SessionRecord[] {
  return splitSessions(calls).flatMap((session, index) => sessionRecords(session, index, cwd));
}

function sessionRecords(
  session: SessionCalls,
  index: number,
  cwd: string,
): readonly SessionRecord[] {
  const [first] = session;
  const last = session.at(-1);
  if (first === undefined || last === undefined) return [];
  const seed = `${first.row.attempt}\n${index}`;
  const head = {
    type: 'session',
    version: 3,
    id: uuidFrom(seed),
    timestamp: iso(first.row.startedAt),
    cwd,
  };
  const answered = answeredTurns(session);
  const messages: { readonly message: Part; readonly at: number }[] = [];
  const toolNames = new Map<string, string>();
  let turn = 0;
  for (const message of last.messages) {
    if (message.role === 'assistant') {
      const call = answered.get(turn);
      messages.push({ message: echoedMessage(message, call, toolNames), at: timeOf(call, first) });
      turn += 1;
    } else {
      const call = answered.get(turn - 1);
      const built = inputMessage(message, toolNames, timeOf(call, first));
      if (built !== undefined) messages.push({ message: built, at: timeOf(call, first) });
    }
  }
  if (last.answer !== undefined) {
    messages.push({ message: answerMessage(last, last.answer), at: timeOf(last, first) });
  }
  const ids = messages.map((_, position) => sha256(`${seed}\n${position}`).slice(0, 8));
  return [
    head,
    ...messages.map(({ message, at }, position) => ({
      type: 'message',
      id: ids[position] ?? '',
      parentId: ids[position - 1] ?? null,
      timestamp: iso(at),
      message,
    })),
  ];
}

/** The call that gave the assistant message of each position; a repeated turn counts with its last answer. */
function answeredTurns(session: SessionCalls): ReadonlyMap<number, ReadCall> {
  const turns = new Map<number, ReadCall>();
  for (const call of session) {
    if (call.row.finish?.result === 'complete' && call.answer !== undefined)
      turns.set(turnsBefore(call), call);
  }
  return turns;
}

function timeOf(call: ReadCall | undefined, first: ReadCall): number {
  return call?.row.finish?.endedAt ?? first.row.startedAt;
}

function inputMessage(
  message: RequestMessage,
  toolNames: ReadonlyMap<string, string>,
  at: number,
): Part | undefined {
  if (message.role === 'user')
    return { role: 'user', content: inputParts(message.content), timestamp: at };
  if (message.role !== 'tool') return undefined;
  const id = message.tool_call_id ?? '';
  return {
    role: 'toolResult',
    toolCallId: id,
    toolName: toolNames.get(id) ?? '',
    content: inputParts(message.content),
    // The chat protocol does not say whether a tool failed.
    isError: false,
    timestamp: at,
  };
}

function inputParts(content: unknown): readonly Part[] {
  if (!Array.isArray(content)) return [{ type: 'text', text: messageText(content) }];
  const parts: readonly unknown[] = content;
  return parts.map((part): Part => {
    if (!isRecord(part)) return { type: 'text', text: '' };
    const image = isRecord(part['image_url']) ? part['image_url']['url'] : undefined;
    if (typeof image !== 'string')
      return { type: 'text', text: typeof part['text'] === 'string' ? part['text'] : '' };
    const inline = /^data:([^;,]*);base64,(.*)$/s.exec(image);
    return inline === null
      ? { type: 'image', url: image }
      : { type: 'image', mimeType: inline[1] ?? '', data: inline[2] ?? '' };
  });
}

/** An assistant message as the harness sent it back; what the echo drops comes from the call itself. */
function echoedMessage(
  message: RequestMessage,
  call: ReadCall | undefined,
  toolNames: Map<string, string>,
): Part {
  const toolCalls = (message.tool_calls ?? []).map((item) => ({ id: item.id, ...item.function }));
  for (const item of toolCalls) toolNames.set(item.id, item.name);
  const reasoning = message.reasoning_content ?? call?.answer?.reasoning ?? '';
  const content = assistantParts(reasoning, messageText(message.content), toolCalls);
  return { role: 'assistant', content, ...assistantTail(call, toolCalls.length > 0) };
}

function answerMessage(call: ReadCall, answer: AssistantMessage): Part {
  const content = assistantParts(answer.reasoning, answer.content, answer.toolCalls);
  return { role: 'assistant', content, ...assistantTail(call, answer.toolCalls.length > 0) };
}

function assistantParts(
  reasoning: string,
  text: string,
  toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[],
): readonly Part[] {
  return [
    ...(reasoning === '' ? [] : [{ type: 'thinking', thinking: reasoning }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...toolCalls.map((item) => ({
      type: 'toolCall',
      id: item.id,
      name: item.name,
      arguments: parsedArguments(item.arguments),
    })),
  ];
}

function assistantTail(call: ReadCall | undefined, called: boolean): Part {
  const usage = call?.answer?.usage;
  const cached = usage?.cachedTokens ?? 0;
  const input = usage?.inputTokens ?? 0;
  const output = usage?.outputTokens ?? 0;
  const error = call?.answer?.error;
  return {
    api: 'openai-completions',
    provider: 'clawgym',
    model: call?.row.model ?? '',
    usage: {
      input: Math.max(0, input - cached),
      output,
      cacheRead: cached,
      cacheWrite: 0,
      totalTokens: input + output,
      cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
    },
    stopReason: stopReason(call, called),
    ...(error === undefined ? {} : { errorMessage: error }),
    timestamp: call?.row.finish?.endedAt ?? 0,
  };
}

function stopReason(call: ReadCall | undefined, called: boolean): string {
  const result = call?.row.finish?.result;
  if (result === 'aborted' || result === 'error') return result;
  if (call?.answer?.finishReason === 'length') return 'length';
  return called ? 'toolUse' : 'stop';
}

function parsedArguments(text: string): JsonValue {
  try {
    return jsonOf(parseJson(text));
  } catch {
    return {};
  }
}

function jsonOf(value: unknown): JsonValue {
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    typeof value === 'number'
  )
    return value;
  if (Array.isArray(value)) return value.map(jsonOf);
  if (!isRecord(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, jsonOf(member)]));
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function uuidFrom(seed: string): string {
  const hex = sha256(seed);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}
