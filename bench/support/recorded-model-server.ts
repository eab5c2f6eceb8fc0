import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { RecordedUpstream } from '../../src/gateway/recorded-upstream.ts';
import { parseRecording } from '../../src/gateway/recording.ts';

/**
 * A model for runs in a cluster: answers from a recording as the local engine does, over HTTP. Bundled
 * into one file and run in a pod: `node server.mjs RECORDING PORT [THINK_MS]`, the last the time that
 * each answer takes.
 */
const [path = '', port = '8000', thinkMs = '0'] = process.argv.slice(2);
const upstream = new RecordedUpstream(parseRecording(readFileSync(path, 'utf8'), path));
const { signal } = new AbortController();

async function answerCall(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await buffer(request);
    const accept = request.headers.accept ?? 'application/json';
    await setTimeout(Number(thinkMs));
    const answer = await upstream.chat({ body, accept }, signal);
    response.writeHead(answer.status, answer.headers);
    for await (const frame of answer.body) response.write(frame);
    response.end();
  } catch (cause) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(String(cause));
  }
}

createServer((request, response) => void answerCall(request, response)).listen(Number(port));
