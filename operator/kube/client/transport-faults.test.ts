import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TcpRelay } from '../../../test/support/fault-proxy/relay.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { answer, statusBody } from '../../../test/support/scripted-api-server.ts';
import {
  call,
  collect,
  failure,
  ok,
  transportTo,
} from '../../../test/support/transport-fixture.ts';
import { isExpired } from '../base/kube-error.ts';
import { zKubeObject } from '../objects/kube-object.ts';
import { defineResource } from '../objects/resource.ts';
import { createKubeClient } from './typed-client.ts';

describe('a server that asks to come later', () => {
  const rows = [
    { method: 'GET', status: 429, retryAfter: '3', sent: 2 },
    { method: 'POST', status: 429, retryAfter: '3', sent: 2 },
    { method: 'GET', status: 503, retryAfter: '3', sent: 2 },
    { method: 'POST', status: 503, retryAfter: '3', sent: 1 },
    { method: 'GET', status: 429, retryAfter: undefined, sent: 1 },
    { method: 'GET', status: 500, retryAfter: undefined, sent: 1 },
    { method: 'GET', status: 429, retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT', sent: 1 },
    { method: 'GET', status: 429, retryAfter: '60', sent: 1 },
  ] as const;
  it.each(rows)('$method, $status, Retry-After $retryAfter: sent $sent times', async (row) => {
    const clock = new ManualClock();
    const { server, transport } = await transportTo(
      (_request, stream, index) =>
        index > 0
          ? answer(stream, 200, { fine: true })
          : answer(
              stream,
              row.status,
              'later',
              row.retryAfter ? { 'retry-after': row.retryAfter } : {},
            ),
      { clock },
    );
    const result = transport.request(call({ method: row.method }));
    if (row.sent === 1) {
      expect((await failure(result)).httpStatus).toBe(row.status);
    } else {
      // Deadline and wait.
      await expect.poll(() => clock.sleeping).toBe(2);
      expect(server.requests).toHaveLength(1);
      clock.advance(3_000);
      expect(await result).toEqual({ fine: true });
    }
    expect(server.requests).toHaveLength(row.sent);
  });

  it('is asked at most eleven times', async () => {
    const { server, transport } = await transportTo((_request, stream) =>
      answer(stream, 429, 'later', { 'retry-after': '0' }),
    );
    expect(await failure(transport.request(call()))).toMatchObject({
      code: 'TooManyRequests',
      retryable: true,
      retryAfterMs: 0,
    });
    expect(server.requests).toHaveLength(11);
  });

  it('holds up nobody else: who waits to come back has no place at the gate', async () => {
    const { server, transport } = await transportTo((request, stream) =>
      request.path.startsWith('/busy')
        ? answer(stream, 429, 'later', { 'retry-after': '30' })
        : answer(stream, 200, { fine: true }),
    );
    const stop = new AbortController();
    const busy = Array.from({ length: 96 }, () =>
      failure(transport.request(call({ path: '/busy', signal: stop.signal }))),
    );
    await expect.poll(() => server.requests.length).toBe(96);
    expect(await transport.request(call({ path: '/free', timeoutMs: 5_000 }))).toEqual({
      fine: true,
    });
    stop.abort();
    expect(new Set((await Promise.all(busy)).map(({ code }) => code))).toEqual(
      new Set(['Aborted']),
    );
  });

  it('is obeyed at the head of a stream too', async () => {
    const { transport } = await transportTo((_request, stream, index) =>
      index === 0
        ? answer(stream, 503, 'later', { 'retry-after': '0' })
        : answer(stream, 200, 'line\n'),
    );
    expect(await collect(await transport.stream(call()))).toBe('line\n');
  });
});

describe('a broken connection', () => {
  it('fails what was under way as retryable, and the next call has a new one', async () => {
    const { server, transport } = await transportTo((request, stream, index) =>
      index === 0 ? request.session.destroy() : answer(stream, 200, { fine: true }),
    );
    expect(await failure(transport.request(call()))).toMatchObject({
      code: 'ConnectionFailed',
      retryable: true,
    });
    expect(await transport.request(call())).toEqual({ fine: true });
    expect(server.connections).toBe(2);
  });

  it('throws out of a stream that had begun', async () => {
    const { server, transport } = await transportTo((_request, stream) => {
      stream.respond({ ':status': 200 });
      stream.write('first\n');
    });
    const stream = await transport.stream(call());
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of stream) {
        seen.push(Buffer.from(chunk).toString());
        server.breakConnections();
      }
    })();
    expect(await failure(reading)).toMatchObject({ code: 'ConnectionFailed', retryable: true });
    expect(seen).toEqual(['first\n']);
  });

  it('that the server said goodbye to (GOAWAY) lets calls end and takes no new ones', async () => {
    const { server, transport } = await transportTo((request, stream, index) => {
      if (index === 0) request.session.goaway();
      answer(stream, 200, { index });
    });
    expect(await transport.request(call())).toEqual({ index: 0 });
    expect(await transport.request(call())).toEqual({ index: 1 });
    expect(server.connections).toBe(2);
  });

  it('to nobody is a failure with the address', async () => {
    const { server, transport } = await transportTo(ok);
    await server[Symbol.asyncDispose]();
    const error = await failure(transport.request(call()));
    expect(error).toMatchObject({ code: 'ConnectionFailed', retryable: true });
    expect(error.message).toMatch(/ECONNREFUSED/);
  });

  it('to a server of another authority is a failure with the reason', async () => {
    const { credentials, transport } = await transportTo(ok);
    const { connect } = credentials.state;
    credentials.state = {
      ...credentials.state,
      connect: { ...connect, tls: { ...connect.tls, ca: undefined } },
    };
    const error = await failure(transport.request(call()));
    expect(error.code).toBe('ConnectionFailed');
    expect(error.message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('whose other side falls silent, pings included, is ended', async () => {
    const { server, credentials, transport } = await transportTo(
      (request, stream) => {
        stream.respond({ ':status': 200 });
        relay.swallow(request.session.socket.remotePort ?? 0);
      },
      { times: { pingMs: 10, deadAfterMs: 30 } },
    );
    const relay = await TcpRelay.listen(server.port);
    onTestFinished(() => relay[Symbol.asyncDispose]());
    credentials.through(relay.port);
    const error = await failure(transport.stream(call()).then(collect));
    expect(error).toMatchObject({ code: 'ConnectionFailed', retryable: true });
    expect(error.message).toContain('no byte from the server for 30 ms');
  });
});

it('a list whose next page comes too late is expired', async () => {
  const { transport } = await transportTo((_request, stream, index) =>
    index === 0
      ? answer(stream, 200, { metadata: { resourceVersion: '5', continue: 'next' }, items: [] })
      : answer(stream, 410, statusBody(410, 'Expired', 'the continue token is too old')),
  );
  const pods = defineResource({
    ...{ group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
    schema: zKubeObject,
  });
  const { signal } = new AbortController();
  const error = await failure(createKubeClient({ transport }).for(pods).list({}, { signal }));
  expect([error.code, isExpired(error)]).toEqual(['Expired', true]);
});

describe('a connection that dies right after its handshake', () => {
  /** Stands between client and server; `spoil` is given both ends of the first connection. */
  async function spoiled(port: number, spoil: (client: Socket, server: Socket) => void) {
    let connections = 0;
    const open = new Set<Socket>();
    const between = createServer((client) => {
      const server = connect(port, '127.0.0.1');
      for (const socket of [client, server]) {
        open.add(socket);
        socket.on('error', () => undefined);
      }
      connections += 1;
      client.pipe(server);
      if (connections === 1) spoil(client, server);
      else server.pipe(client);
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    onTestFinished(() => {
      for (const socket of open) socket.destroy();
      between.close();
    });
    return (between.address() as AddressInfo).port;
  }

  it.each<[string, (client: Socket, server: Socket) => void]>([
    [
      'by a reset that node does not tell',
      (client, server) =>
        server.once('data', (hello) => {
          client.write(hello);
          setImmediate(() => client.resetAndDestroy());
        }),
    ],
    [
      'without a word',
      (client, server) => server.once('data', (hello) => void client.write(hello)),
    ],
  ])('%s fails its calls, and the next ones get another', async (_name, spoil) => {
    const { server, credentials, transport } = await transportTo(ok, {
      times: { greetingMs: 200 },
    });
    credentials.through(await spoiled(server.port, spoil));
    const results = await Promise.allSettled([
      transport.stream(call()),
      transport.stream(call()).then(collect),
    ]);
    expect(results[0]).toMatchObject({
      reason: { code: 'ConnectionFailed', retryable: true },
    });
    expect(await collect(await transport.stream(call()))).toBe('{"kind":"PodList"}');
  });
});
