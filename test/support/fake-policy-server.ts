import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { isRecord, parseJson } from '../../src/base/brand.ts';

/**
 * A program with the wire of the policy server and no model: it answers with the tokens that
 * `answer.json` of its model folder holds, by default those of its version. `crash` in a prompt ends it.
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    template: { type: 'string', default: '' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'port-file': { type: 'string', default: '' },
    'served-model-name': { type: 'string', default: '' },
    'policy-version': { type: 'string', default: '0' },
  },
});
let version = Number(values['policy-version']);
let model = values.model;

process.stdin.on('end', () => process.exit(137));
process.stdin.resume();

function tokens(): readonly number[] {
  try {
    const found = parseJson(readFileSync(join(model, 'answer.json'), 'utf8'));
    if (Array.isArray(found)) return found.map(Number);
  } catch {
    // No answer of its own.
  }
  return [100 + version, 2];
}

function answer(asked: Record<string, unknown>): object {
  const ids = tokens();
  return {
    ...{ id: 'c', object: 'chat.completion', created: 0, model: asked['model'] },
    ...{ prompt_token_ids: [1, 5], policy_version: version },
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: `version ${version}` },
        finish_reason: 'stop',
        token_ids: ids,
        logprobs: { content: ids.map((id) => ({ token: String(id), logprob: -0.5 })) },
      },
    ],
    usage: { prompt_tokens: 2, completion_tokens: ids.length, total_tokens: 2 + ids.length },
  };
}

const server = createServer((request, response) => void serve(request, response));

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, value: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  const text = (await buffer(request)).toString();
  if (request.url === '/health') return send(200, {});
  if (request.url === '/v1/models')
    return send(200, { data: [{ id: values['served-model-name'] }] });
  const asked: unknown = text === '' ? {} : parseJson(text);
  if (!isRecord(asked)) return send(400, {});
  if (request.url === '/v1/load_policy') {
    if (String(asked['path']).includes('broken'))
      return send(400, { error: { message: 'broken' } });
    model = String(asked['path']);
    version = Number(asked['version']);
    return send(200, { version });
  }
  if (text.includes('crash') && version === 0) process.exit(9);
  return send(200, answer(asked));
}

server.listen(Number(values.port), values.host, () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') {
    writeFileSync(values['port-file'], `${address.port}\n`);
  }
});
