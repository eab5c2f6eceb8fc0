import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Agent } from 'undici';
import { describe, expect, it } from 'vitest';
import {
  BEARER,
  chatBody,
  gatewayFixture,
  recordedText,
} from '../../test/support/gateway-fixture.ts';
import { silentLogger } from '../base/logger.ts';
import { MAX_REQUEST_BYTES } from '../gateway/chat-completions.ts';
import { startGatewayServer } from './gateway-server.ts';

async function serverFixture() {
  const stack = new AsyncDisposableStack();
  const fixture = stack.use(await gatewayFixture());
  const socketPath = join(fixture.folder, 'gateway.sock');
  const start = async () =>
    stack.use(
      await startGatewayServer({ socketPath, gateway: fixture.gateway, logger: silentLogger }),
    );
  const agent = new Agent({ connect: { socketPath } });
  stack.defer(() => agent.destroy());
  const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, body: Buffer | null = null) => {
    const headers = { authorization: `Bearer ${BEARER}`, 'x-clawgym-call-id': 'call-0001' };
    const answer = await agent.request({ origin: 'http://gateway', method, path, body, headers });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  return { fixture, socketPath, start, ask, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('the gateway on a socket', () => {
  it('takes large bodies of any content type and sends the recorded bytes', async () => {
    await using server = await serverFixture();
    await server.start();
    const padding = 'x'.repeat(4_000_000);
    const body = chatBody({ stream: true, messages: [{ role: 'user', content: padding }] });
    const answer = await server.ask(
      'POST',
      '/v1/chat/completions?x=1',
      Buffer.from(JSON.stringify(body)),
    );
    expect(answer.status).toBe(200);
    const row = await server.fixture.records.getCall('call-0001');
    expect(await recordedText(server.fixture, row)).toBe(answer.text);
  });

  it.each([
    ['POST', '/v1/chat/completions', Buffer.alloc(MAX_REQUEST_BYTES + 1), 413, 'request_too_large'],
    ['GET', '/v1/files', null, 404, 'unknown_url'],
    ['PUT', '/v1/models', null, 404, 'unknown_url'],
    ['GET', '/v1/models', null, 200, '"object":"list"'],
  ] as const)('%s %s', async (method, path, body, status, words) => {
    await using server = await serverFixture();
    await server.start();
    const answer = await server.ask(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
  });

  it('comes back on the same path, also over the socket of a dead process', async () => {
    await using server = await serverFixture();
    const first = await server.start();
    await first[Symbol.asyncDispose]();
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(server.socketPath, resolve));
    await server.start();
    expect((await server.ask('GET', '/v1/models')).status).toBe(200);
    await new Promise((resolve) => dead.close(resolve));
  });

  it('never removes what is not a socket, and names a path that is too long', async () => {
    await using server = await serverFixture();
    await writeFile(server.socketPath, 'precious');
    await expect(server.start()).rejects.toThrow('exists and is not a socket');
    const socketPath = join(server.fixture.folder, 'x'.repeat(120));
    const options = { socketPath, gateway: server.fixture.gateway, logger: silentLogger };
    await expect(startGatewayServer(options)).rejects.toThrow('at most 107 fit');
  });
});
