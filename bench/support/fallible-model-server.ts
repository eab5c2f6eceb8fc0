import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { parseChatRequest } from '../../src/gateway/chat-request.ts';
import { renderJson } from '../../src/gateway/render-completion.ts';
import { fallibleGenerator } from '../../test/support/synthesis/fallible-generator.ts';

/** The fallible generator over HTTP, for a pod: `node server.mjs FILE PORT`; the file is not read. */
const port = process.argv[3] ?? '8000';

async function answerCall(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const chat = parseChatRequest(await buffer(request));
    const first = chat.messages.find(({ role }) => role === 'user')?.['content'];
    const { content = '', usage } = fallibleGenerator(typeof first === 'string' ? first : '');
    const counted = usage ?? { inputTokens: 0, outputTokens: 0 };
    const answer = { id: 'a', model: 'fallible', created: 0, content, usage: counted };
    response.writeHead(200, { 'content-type': 'application/json' }).end(renderJson(answer));
  } catch (cause) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(String(cause));
  }
}

createServer((request, response) => void answerCall(request, response)).listen(Number(port));
