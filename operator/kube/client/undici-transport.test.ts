import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answer, statusBody } from '../../../test/support/scripted-api-server.ts';
import {
  call,
  collect,
  failure,
  ok,
  transportTo,
} from '../../../test/support/transport-fixture.ts';
import { KubeError } from '../base/kube-error.ts';

describe('a request', () => {
  it('carries token, user agent, query and JSON body', async () => {
    const { server, transport } = await transportTo(ok);
    const got = await transport.request(
      call({
        method: 'PATCH',
        body: { a: 1 },
        contentType: 'x/y',
        query: { q: 'a b', none: undefined },
      }),
    );
    expect(got).toEqual({ kind: 'PodList' });
    expect(server.requests[0]).toMatchObject({
      method: 'PATCH',
      path: '/api/v1/pods?q=a+b',
      body: '{"a":1}',
      headers: { authorization: 'Bearer first', 'user-agent': 'tests/1', 'content-type': 'x/y' },
    });
  });

  it('shares one connection with 499 others, at once and one after the other', async () => {
    const { server, transport } = await transportTo(ok);
    await Promise.all(Array.from({ length: 400 }, () => transport.request(call())));
    for (let i = 0; i < 100; i += 1) await transport.request(call());
    expect([server.requests.length, server.connections]).toEqual([500, 1]);
  });

  it('is not held up by 150 open streams, and both use few connections', async () => {
    const { server, transport } = await transportTo((request, stream) =>
      request.path.includes('watch') ? stream.respond({ ':status': 200 }) : answer(stream, 200),
    );
    const streams = await Promise.all(
      Array.from({ length: 150 }, () => transport.stream(call({ query: { watch: 'true' } }))),
    );
    await Promise.all(Array.from({ length: 100 }, () => transport.request(call())));
    expect(streams).toHaveLength(150);
    expect(server.connections).toBeLessThanOrEqual(3);
  });

  it('gets its answer while another stream on the connection is not read', async () => {
    const { server, transport } = await transportTo((request, stream) => {
      stream.respond({ ':status': 200 });
      stream.end(request.path.includes('big') ? Buffer.alloc(8_000_000, 'x') : 'small');
    });
    const big = await transport.stream(call({ path: '/big' }));
    await server.until(() => server.requests.length === 1);
    expect(await collect(await transport.stream(call({ path: '/small' })))).toBe('small');
    expect(server.connections).toBe(1);
    expect((await collect(big)).length).toBe(8_000_000);
  });

  it('says what a failed answer says, and never the token', async () => {
    const { transport } = await transportTo((_request, stream) =>
      answer(stream, 422, {
        ...(statusBody(422, 'Invalid', 'spec.x: Invalid value') as object),
        details: { causes: [{ reason: 'FieldValueInvalid', message: 'bad', field: 'spec.x' }] },
      }),
    );
    const error = await failure(transport.request(call({ verb: 'create' })));
    expect(error).toMatchObject({
      code: 'Invalid',
      httpStatus: 422,
      retryable: false,
      message: 'create /api/v1/pods: spec.x: Invalid value',
      causes: [{ reason: 'FieldValueInvalid', message: 'bad', field: 'spec.x' }],
    });
    expect(JSON.stringify([error, error.message, String(error.cause)])).not.toContain('Bearer');
  });

  it.each([
    [404, 'NotFound', '404 page not found', false],
    [410, 'Gone', '', false],
    [429, 'TooManyRequests', 'too many', true],
    [502, 'ServiceUnavailable', '<html>bad gateway</html>', true],
    [599, 'InternalError', '', true],
    [302, 'InvalidAnswer', '', false],
  ])('gives a %i without a Status the code %s', async (status, code, body, retryable) => {
    const { transport } = await transportTo((_request, stream) => answer(stream, status, body));
    expect(await failure(transport.request(call()))).toMatchObject({ code, retryable });
  });

  it('calls an answer that is no JSON invalid', async () => {
    const { transport } = await transportTo((_request, stream) => answer(stream, 200, '{"kind":'));
    expect(await failure(transport.request(call()))).toMatchObject({ code: 'InvalidAnswer' });
  });

  it('is counted by verb, resource and code', async () => {
    const { transport, registry } = await transportTo((_request, stream, index) =>
      index === 0 ? answer(stream, 200) : answer(stream, 404),
    );
    await transport.request(call());
    await failure(transport.request(call()));
    const text = await registry.metrics();
    expect(text).toContain('rest_client_requests_total{verb="list",resource="pods",code="200"} 1');
    expect(text).toContain('rest_client_requests_total{verb="list",resource="pods",code="404"} 1');
    expect(text).toContain(
      'rest_client_request_duration_seconds_count{verb="list",resource="pods"} 2',
    );
    expect(text).toContain('rest_client_in_flight{kind="request"} 0');
    expect(text).toContain('rest_client_connections_total 1');
  });

  it('fails with what the check before the send threw, and sends nothing', async () => {
    const { server, transport } = await transportTo(ok);
    const refuse = () => {
      throw new KubeError('LeaseLost', 'no longer leader');
    };
    const error = await failure(transport.request(call({ beforeSend: refuse })));
    expect([error.code, server.requests.length]).toEqual(['LeaseLost', 0]);
  });
});

describe('credentials', () => {
  it('are renewed once after a 401, and the call is sent again', async () => {
    const { server, credentials, transport } = await transportTo((request, stream) =>
      request.headers['authorization'] === 'Bearer second'
        ? answer(stream, 200, { fine: true })
        : answer(stream, 401, statusBody(401, 'Unauthorized')),
    );
    credentials.onRenew = () => credentials.turn('second');
    expect(await transport.request(call())).toEqual({ fine: true });
    expect(await transport.request(call({ method: 'POST', body: {} }))).toEqual({ fine: true });
    expect([credentials.renewals, server.requests.length]).toEqual([1, 3]);
  });

  it('that stay refused fail the call after one renewal, for streams too', async () => {
    const { server, credentials, transport } = await transportTo((_request, stream) =>
      answer(stream, 401, statusBody(401, 'Unauthorized')),
    );
    expect((await failure(transport.request(call()))).code).toBe('Unauthorized');
    expect((await failure(transport.stream(call()))).code).toBe('Unauthorized');
    expect([credentials.renewals, server.requests.length]).toEqual([2, 4]);
  });

  it('with another CA open new connections, while old streams go on', async () => {
    const { server, credentials, transport } = await transportTo((request, stream) => {
      if (!request.path.includes('watch')) return answer(stream, 200);
      stream.respond({ ':status': 200 });
      stream.write('old');
    });
    const stream = await transport.stream(call({ query: { watch: 'true' } }));
    await transport.request(call());
    const before = server.connections;
    credentials.state = { ...credentials.state, connect: { ...server.connect } };
    await transport.request(call());
    expect(server.connections).toBe(before + 1);
    for await (const chunk of stream) {
      expect(Buffer.from(chunk).toString()).toBe('old');
      break;
    }
    await server.until(() => server.openStreams === 0);
  });
});

describe('servers without HTTP/2 or behind a proxy', () => {
  it('are spoken to by HTTP/1.1', async () => {
    const server = createHttpServer((request, response) => {
      response.end(JSON.stringify({ path: request.url, version: request.httpVersion }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`;
    const { credentials, transport } = await transportTo(ok);
    credentials.state = {
      headers: {},
      connect: { ...credentials.state.connect, server: url },
    };
    expect(await transport.request(call())).toEqual({
      path: '/prefix/api/v1/pods',
      version: '1.1',
    });
  });

  it('behind an HTTP proxy are reached through it', async () => {
    const { server, credentials, transport } = await transportTo(ok);
    const targets: string[] = [];
    const proxy = createHttpServer();
    proxy.on('connect', (request, client) => {
      targets.push(request.url ?? '');
      const upstream = connect(server.port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    onTestFinished(() => void proxy.close());
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    credentials.state = { headers: {}, connect: { ...credentials.state.connect, proxyUrl } };
    expect(await transport.request(call())).toEqual({ kind: 'PodList' });
    expect(targets).toEqual([`127.0.0.1:${server.port}`]);
  });

  it('behind a SOCKS proxy are refused with a reason', async () => {
    const { credentials, transport } = await transportTo(ok);
    credentials.state = {
      headers: {},
      connect: { ...credentials.state.connect, proxyUrl: 'socks5://127.0.0.1:1' },
    };
    const error = await failure(transport.request(call()));
    expect(error).toMatchObject({ code: 'InvalidConfig' });
    expect(error.message).toContain('only http and https proxies work');
  });
});

it('ends everything when it is disposed', async () => {
  const { server, transport } = await transportTo(() => undefined);
  const result = failure(transport.request(call()));
  await server.until(() => server.requests.length === 1);
  await transport[Symbol.asyncDispose]();
  expect((await result).code).toBe('ConnectionFailed');
  expect((await failure(transport.request(call()))).code).toBe('ConnectionFailed');
});
