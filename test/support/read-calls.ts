import { asAttemptId, asSha256 } from '../../src/base/brand.ts';
import type { CallFinish } from '../../src/store/records.ts';
import type { AssistantMessage } from '../../src/trajectories/assistant-message.ts';
import type { ReadCall, RequestMessage } from '../../src/trajectories/read-calls.ts';

/** An assistant message, as the harness sends it back; `reasoning` is in the model's answer alone. */
export interface SaidMessage extends RequestMessage {
  readonly reasoning?: string;
}

export const asked = (content: string): RequestMessage => ({ role: 'user', content });
export const said = (content: string): SaidMessage => ({ role: 'assistant', content });
export const toolResult = (content: string, id = 'call1'): RequestMessage => ({
  role: 'tool',
  tool_call_id: id,
  content,
});

/** An assistant message that calls the shell. */
export const wants = (command: string, id = 'call1'): SaidMessage => ({
  role: 'assistant',
  content: null,
  tool_calls: [{ id, function: { name: 'exec', arguments: JSON.stringify({ command }) } }],
});

/** A recorded call `call-<sequence>`, read back. */
export function aCall(
  sequence: number,
  messages: readonly RequestMessage[],
  answer: SaidMessage,
  result: CallFinish['result'] = 'complete',
): ReadCall {
  const digest = asSha256('0'.repeat(64));
  return {
    row: {
      callId: `call-${sequence}`,
      attempt: asAttemptId('batch/task/0#1'),
      startedAt: sequence,
      model: 'scripted',
      request: digest,
      sequence,
      finish: {
        status: 200,
        contentType: 'application/json',
        response: digest,
        result,
        inputTokens: 1,
        outputTokens: 1,
        endedAt: sequence,
      },
    },
    messages: messages.map(withoutReasoning),
    tools: [],
    answer: answerOf(answer),
    problems: [],
  };
}

function withoutReasoning({ ...message }: SaidMessage): RequestMessage {
  delete message['reasoning'];
  return message;
}

function answerOf({
  content,
  reasoning = '',
  tool_calls: calls = [],
}: SaidMessage): AssistantMessage {
  return {
    content: typeof content === 'string' ? content : '',
    reasoning,
    toolCalls: calls.map(({ id, function: { name, arguments: args } }) => ({
      id,
      name,
      arguments: args,
    })),
    finishReason: undefined,
    usage: undefined,
    error: undefined,
  };
}
