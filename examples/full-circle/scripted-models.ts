import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import { askedIn, type Job, taught, writtenFor } from './note-tasks.ts';

/**
 * An endpoint of chat completions in which scripts play models: `practice` and `exam` write and judge
 * tasks, `teacher` does them. `node scripted-models.ts PORT` serves it.
 */
export function scriptedModels(): Server {
  const seen = new Map<string, number>();
  return createServer((request, response) => void serve(request, response, seen));
}

/** The first line of every prompt of a SynthesisJob: `Record 12, draft.` */
const REQUEST = /^Record (\d+), ([a-z-]+)\b/;

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  seen: Map<string, number>,
): Promise<void> {
  let text = '';
  for await (const part of request) text += String(part);
  try {
    const { model, messages } = JSON.parse(text);
    const prompt = String(messages.findLast((one: { role: string }) => one.role === 'user').content);
    send(response, 200, completion(model, said(model, prompt, seen)));
  } catch (error) {
    send(response, 400, { error: { message: String(error), type: 'invalid_request_error' } });
  }
}

function said(model: string, prompt: string, seen: Map<string, number>): object {
  const wanted = REQUEST.exec(prompt);
  if (wanted !== null) {
    return { content: writtenFor(model as Job, wanted[2] ?? '', Number(wanted[1])) };
  }
  const asked = askedIn(prompt);
  if (asked === undefined) return { content: 'ready' };
  // The teacher is right every second time that it sees a task.
  const times = seen.get(prompt) ?? 0;
  seen.set(prompt, times + 1);
  const args = JSON.stringify(taught(asked, times % 2 === 1))
    .replaceAll('":', '": ')
    .replaceAll('",', '", ');
  const call = { name: 'write_file', arguments: args };
  return { content: null, tool_calls: [{ id: `call${times}`, type: 'function', function: call }] };
}

function completion(model: string, message: object): object {
  const reason = 'tool_calls' in message ? 'tool_calls' : 'stop';
  return {
    id: 'scripted',
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: reason }],
    usage: { prompt_tokens: 100, completion_tokens: 30, total_tokens: 130 },
  };
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  scriptedModels().listen(Number(process.argv[2] ?? 8000));
}
