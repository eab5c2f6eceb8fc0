import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Agent, type Dispatcher, request } from 'undici';
import { describe, expect, it } from 'vitest';
import {
  BEARER,
  chatBody,
  FAST_BACKOFF,
  type GatewayFixture,
  type GatewayFixtureOptions,
  gatewayFixture,
} from '../../test/support/gateway-fixture.ts';
import { toolTurn } from '../../test/support/scripted-model-server.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { type GatewayServer, startGatewayServer } from '../server/gateway-server.ts';
import type { LinkLoss } from './link-call.ts';
import type { LinkGateway } from './link-gateway.ts';
import {
  type LinkLimits,
  MAX_LINK_CONNECTIONS,
  type SocketLink,
  startModelLink,
} from './model-link.ts';
import { SocketGateway } from './socket-gateway.ts';

const STREAM = chatBody({ stream: true });
const SMALL: LinkLimits = {
  requestBytes: 64_000,
  heldBytes: 96_000,
  totalBytes: 1_000_000,
  totalCalls: 1000,
};

interface LinkFixture extends AsyncDisposable {
  readonly gateway: GatewayFixture;
  readonly link: SocketLink;
  readonly losses: readonly LinkLoss[];
  /** Starts the gateway's server again on the same path; the first one runs already. */
  serve(): Promise<GatewayServer>;
  server: GatewayServer;
  post(body: object | Buffer, signal?: AbortSignal): Promise<Dispatcher.ResponseData>;
}

async function linkFixture(
  options: GatewayFixtureOptions = {},
  over: {
    readonly gatewayLossSeconds?: number;
    readonly socketPath?: string;
    readonly bearer?: string;
    readonly limits?: LinkLimits;
    readonly reach?: (gateway: LinkGateway) => LinkGateway;
  } = {},
): Promise<LinkFixture> {
  const stack = new AsyncDisposableStack();
  const gateway = stack.use(await gatewayFixture(options));
  const socketPath = join(gateway.folder, 'gateway.sock');
  const serve = async () =>
    stack.use(
      await startGatewayServer({ socketPath, gateway: gateway.gateway, logger: silentLogger }),
    );
  const server = await serve();
  const losses: LinkLoss[] = [];
  let calls = 0;
  const link = stack.use(
    await startModelLink({
      folder: join(gateway.folder, 'link'),
      owner: undefined,
      gateway: (over.reach ?? ((it) => it))(
        new SocketGateway(over.socketPath ?? socketPath, MAX_LINK_CONNECTIONS),
      ),
      bearer: over.bearer ?? BEARER,
      newCallId: () => {
        calls += 1;
        return `call-000${calls}`;
      },
      clock: systemClock,
      random: () => 0.5,
      logger: silentLogger,
      backoff: FAST_BACKOFF,
      gatewayLossSeconds: over.gatewayLossSeconds ?? 30,
      onLost: (loss) => losses.push(loss),
      ...(over.limits === undefined ? {} : { limits: over.limits }),
    }),
  );
  const agent = new Agent({ connect: { socketPath: link.socketPath } });
  stack.defer(() => agent.destroy());
  const post = (body: object | Buffer, signal?: AbortSignal) =>
    request('http://link/v1/chat/completions', {
      method: 'POST',
      dispatcher: agent,
      body: Buffer.isBuffer(body) ? body : JSON.stringify(body),
      headers: {
        authorization: 'Bearer clawgym-dummy-key',
        'x-clawgym-call-id': 'chosen-by-the-agent',
      },
      ...(signal === undefined ? {} : { signal }),
    });
  return {
    gateway,
    link,
    losses,
    serve,
    server,
    post,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function recorded(fixture: GatewayFixture): Promise<string[]> {
  const rows = await fixture.records.listCalls(fixture.attempt);
  return await Promise.all(
    rows.map(async (row) => {
      if (row.finish === undefined) return 'open';
      return Buffer.from(await fixture.artifacts.read(row.finish.response)).toString();
    }),
  );
}

describe('an undisturbed call', () => {
  it('gives the agent exactly the recorded bytes, under a call id of the link', async () => {
    await using fixture = await linkFixture({ script: () => toolTurn('write', { path: 'a' }) });
    const answer = await fixture.post(STREAM);
    const text = await answer.body.text();
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(await recorded(fixture.gateway)).toEqual([text]);
    expect((await fixture.gateway.records.getCall('call-0001'))?.sequence).toBe(1);
    expect(fixture.gateway.model.requests[0]?.headers.authorization).toBe('Bearer sk-real');
  });

  it('has its socket in a private folder', async () => {
    await using fixture = await linkFixture();
    expect((await stat(join(fixture.gateway.folder, 'link'))).mode & 0o777).toBe(0o700);
    expect((await stat(fixture.link.socketPath)).mode & 0o777).toBe(0o600);
  });
});

describe('a gateway that goes away', () => {
  it('before the answer: the same call goes on when it is back', async () => {
    const open = Promise.withResolvers<void>();
    await using fixture = await linkFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 0, open: open.promise }),
    });
    const answer = fixture.post(STREAM);
    await fixture.gateway.model.arrived(1);
    await fixture.server[Symbol.asyncDispose]();
    await fixture.serve();
    open.resolve();
    const text = await (await answer).body.text();
    expect(text).toContain('[DONE]');
    expect(await recorded(fixture.gateway)).toEqual([text]);
    expect(fixture.gateway.model.requests).toHaveLength(1);
    expect(fixture.losses).toEqual([]);
  });

  it('inside the answer: the agent gets every byte once', async () => {
    const open = Promise.withResolvers<void>();
    await using fixture = await linkFixture({
      script: () => ({ content: 'Sorted.' }),
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: open.promise }),
    });
    const answer = await fixture.post(STREAM);
    const reading = answer.body.text();
    await fixture.server[Symbol.asyncDispose]();
    await fixture.serve();
    open.resolve();
    const text = await reading;
    expect(text.match(/Sorted\./g)).toHaveLength(1);
    expect(await recorded(fixture.gateway)).toEqual([text]);
    expect(fixture.gateway.model.requests).toHaveLength(1);
  });

  it('and answered meanwhile: the agent gets the record', async () => {
    const open = Promise.withResolvers<void>();
    await using fixture = await linkFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: open.promise }),
    });
    const answer = await fixture.post(STREAM);
    const reading = answer.body.text();
    await fixture.server[Symbol.asyncDispose]();
    open.resolve();
    await expect.poll(() => recorded(fixture.gateway)).not.toEqual(['open']);
    await fixture.serve();
    expect(await recorded(fixture.gateway)).toEqual([await reading]);
  });

  it('for longer than the limit: 503, reported once', async () => {
    await using fixture = await linkFixture({}, { gatewayLossSeconds: 0.1 });
    await fixture.server[Symbol.asyncDispose]();
    const one = await fixture.post(STREAM);
    const two = await fixture.post(STREAM);
    expect([one.statusCode, two.statusCode]).toEqual([503, 503]);
    expect(await one.body.text()).toContain('link_lost');
    expect(fixture.losses).toMatchObject([{ reason: 'Away' }]);
    expect(fixture.link.lost?.reason).toBe('Away');
  });

  it('for longer than the limit inside an answer: the answer is broken off, not ended', async () => {
    await using fixture = await linkFixture(
      { fault: () => ({ kind: 'gate', beforeFrame: 2, open: new Promise(() => undefined) }) },
      { gatewayLossSeconds: 0.1 },
    );
    const answer = await fixture.post(STREAM);
    const reading = answer.body.text();
    await fixture.server[Symbol.asyncDispose]();
    await expect(reading).rejects.toThrow();
    expect(fixture.losses).toMatchObject([{ reason: 'Away' }]);
  });

  it('a refused bearer loses the link at once', async () => {
    await using fixture = await linkFixture({}, { bearer: 'fenced' });
    expect((await fixture.post(STREAM)).statusCode).toBe(503);
    expect(fixture.losses).toMatchObject([{ reason: 'Fenced' }]);
  });

  it('an answer that differs when it is repeated is never glued together', async () => {
    await using fixture = await gatewayFixture();
    const socketPath = join(fixture.folder, 'other.sock');
    const seen = Promise.withResolvers<void>();
    let asked = 0;
    await using _server = await listen(socketPath, (server) =>
      server.on('request', (_request, response) => {
        asked += 1;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        if (asked > 1) response.end('data: other\n\ndata: [DONE]\n\n');
        else
          response.write('data: first\n\n', () => void seen.promise.then(() => response.destroy()));
      }),
    );
    await using link = await linkFixture({}, { socketPath });
    const answer = await link.post(STREAM);
    const reading = answer.body.text();
    seen.resolve();
    await expect(reading).rejects.toThrow();
    expect(asked).toBe(2);
    expect(link.losses).toMatchObject([{ reason: 'Diverged' }]);
  });
});

describe('a hostile agent', () => {
  it('that hangs up stops the upstream; the call is recorded as aborted', async () => {
    await using fixture = await linkFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: new Promise(() => undefined) }),
    });
    const gone = new AbortController();
    const answer = await fixture.post(STREAM, gone.signal);
    const reading = answer.body.text();
    gone.abort();
    await expect(reading).rejects.toThrow();
    await fixture.gateway.model.abandoned(0);
    const finished = async () =>
      (await fixture.gateway.records.getCall('call-0001'))?.finish?.result;
    await expect.poll(finished).toBe('aborted');
  });

  it('gets a 413 for a body above the cap, and nothing is recorded', async () => {
    await using fixture = await linkFixture({}, { limits: SMALL });
    const answer = await fixture.post(Buffer.alloc(SMALL.requestBytes + 1, 32));
    expect(answer.statusCode).toBe(413);
    expect(await answer.body.text()).toContain('request_too_large');
    expect(await recorded(fixture.gateway)).toEqual([]);
  });

  it.each([
    ['calls', { ...SMALL, totalCalls: 3 }, 'This attempt may make 3 calls at most.'],
    ['bytes', { ...SMALL, totalBytes: 900 }, '900 bytes of requests'],
  ])('cannot fill the record with more %s than an attempt may make', async (_, limits, words) => {
    await using fixture = await linkFixture({}, { limits });
    const body = chatBody({ messages: [{ role: 'user', content: 'x'.repeat(200) }] });
    const statuses: number[] = [];
    let last = '';
    for (let call = 0; call < 5; call += 1) {
      const answer = await fixture.post(body);
      statuses.push(answer.statusCode);
      last = await answer.body.text();
    }
    expect(statuses).toEqual([200, 200, 200, 403, 403]);
    expect(last).toContain(words);
    expect(await recorded(fixture.gateway)).toHaveLength(3);
  });

  it('cannot make the link hold more than one largest request and a half', async () => {
    const fault = { kind: 'gate', beforeFrame: 0, open: new Promise(() => undefined) } as const;
    await using fixture = await linkFixture({ fault: () => fault }, { limits: SMALL });
    const gone = new AbortController();
    const large = chatBody({ messages: [{ role: 'user', content: 'x'.repeat(60_000) }] });
    const first = fixture.post(large, gone.signal);
    await fixture.gateway.model.arrived(1);
    expect((await fixture.post(large)).statusCode).toBe(413);
    gone.abort();
    await expect(first).rejects.toThrow();
    await fixture.gateway.model.abandoned(0);
  });

  it('cannot make the link hold calls without end on one connection', async () => {
    const fault = { kind: 'gate', beforeFrame: 0, open: new Promise(() => undefined) } as const;
    await using fixture = await linkFixture({ fault: () => fault });
    const socket = connect(fixture.link.socketPath);
    const body = JSON.stringify(STREAM);
    const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: link\r\n';
    const call = `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    socket.resume().write(call.repeat(50));
    await once(socket, 'close');
    expect(await fixture.gateway.records.listCalls(fixture.gateway.attempt)).toHaveLength(0);
    const gone = new AbortController();
    const next = fixture.post(STREAM, gone.signal);
    await fixture.gateway.model.arrived(1);
    gone.abort();
    await expect(next).rejects.toThrow();
  });

  it.each([
    ['DELETE', '/calls/call-0001'],
    ['DELETE', '/v1/chat/completions'],
    ['GET', '/calls/call-0001'],
    ['GET', '/v1/../calls/x'],
    ['POST', '/v1//chat'],
  ] as const)('reaches nothing but the API: %s %s', async (method, path) => {
    await using fixture = await linkFixture();
    const agent = new Agent({ connect: { socketPath: fixture.link.socketPath } });
    const answer = await agent.request({ origin: 'http://link', method, path });
    expect(answer.statusCode).toBe(404);
    await answer.body.dump();
    await agent.destroy();
  });
});

async function listen(
  socketPath: string,
  setUp: (server: Server) => void,
): Promise<AsyncDisposable> {
  const server = createServer();
  setUp(server);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(socketPath, resolve);
  await promise;
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

describe('an agent that holds every port of its sandbox', () => {
  it('loses its call and not the link', async () => {
    let ports = 0;
    const noPorts = Object.assign(new Error('no ports'), { code: 'EADDRNOTAVAIL' });
    await using fixture = await linkFixture(
      {},
      {
        gatewayLossSeconds: 0.2,
        reach: (gateway) => ({
          call: (call) => (ports === 0 ? Promise.reject(noPorts) : gateway.call(call)),
          close: () => gateway.close(),
        }),
      },
    );
    const refused = await fixture.post(chatBody());
    expect(await refused.body.text()).toContain('"no_ports"');
    expect([refused.statusCode, fixture.link.lost, fixture.losses]).toEqual([503, undefined, []]);
    ports = 1;
    expect((await fixture.post(chatBody())).statusCode).toBe(200);
  });
});
