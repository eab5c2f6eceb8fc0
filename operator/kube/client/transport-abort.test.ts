import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { answer, type Script } from '../../../test/support/scripted-api-server.ts';
import {
  call,
  collect,
  failure,
  ok,
  transportTo,
} from '../../../test/support/transport-fixture.ts';

describe('an abort', () => {
  const silent: Script = () => undefined;
  const okUnlessSilent: Script = (request, stream, index) =>
    request.path === '/silent' ? undefined : ok(request, stream, index);
  const head: Script = (_request, stream) => {
    stream.respond({ ':status': 200 });
    stream.write('{"a":');
  };
  const later: Script = (_request, stream) => answer(stream, 429, '', { 'retry-after': '9' });
  const rows = [
    { phase: 'before the answer', script: silent, sent: 1 },
    { phase: 'inside the answer', script: head, sent: 1 },
    { phase: 'while waiting to retry', script: later, sent: 1 },
  ];
  it.each(rows)('$phase frees the stream and leaves the connection', async ({ script }) => {
    const { server, transport } = await transportTo(script);
    const abort = new AbortController();
    const result = failure(transport.request(call({ signal: abort.signal })));
    await server.until(() => server.requests.length === 1);
    // One turn later the client has read what was sent.
    setImmediate(() => abort.abort(new Error('enough')));
    expect(await result).toMatchObject({ code: 'Aborted', retryable: false });
    await server.until(() => server.openStreams === 0);
    server.script = ok;
    await transport.request(call());
    expect(server.connections).toBe(1);
  });

  // Node and undici by themselves leave the stream open without a body, and stand still with one.
  it.each([
    ['no body', 0],
    ['a body', 10],
    ['a body larger than the server takes at once', 1_000_000],
  ])('right after a request with %s has left frees the stream', async (_name, size) => {
    const { server, transport } = await transportTo(okUnlessSilent);
    await transport.request(call());
    const abort = new AbortController();
    const request = call({
      path: '/silent',
      signal: abort.signal,
      beforeSend: () => queueMicrotask(() => abort.abort()),
      ...(size === 0 ? {} : { method: 'POST', body: { text: 'x'.repeat(size) } }),
    });
    expect((await failure(transport.request(request))).code).toBe('Aborted');
    await transport.request(call());
    await server.until(() => server.openStreams === 0);
    expect(server.connections).toBe(1);
  });

  it('of a body that the server is slow to take frees the stream', async () => {
    const { server, transport } = await transportTo(ok);
    await transport.request(call());
    const abort = new AbortController();
    const body = { text: 'x'.repeat(1_000_000) };
    const result = failure(
      transport.request(call({ signal: abort.signal, method: 'POST', body, path: '/slow' })),
    );
    await server.until(() => server.openStreams === 1);
    abort.abort();
    expect((await result).code).toBe('Aborted');
    await transport.request(call());
    await server.until(() => server.openStreams === 0);
    expect(server.connections).toBe(1);
  });

  it('before the call sends nothing', async () => {
    const { server, transport } = await transportTo(ok);
    const signal = AbortSignal.abort();
    expect((await failure(transport.request(call({ signal })))).code).toBe('Aborted');
    expect((await failure(transport.stream(call({ signal })))).code).toBe('Aborted');
    expect(server.requests).toHaveLength(0);
  });

  it('while the credentials are read sends nothing', async () => {
    const { server, credentials, transport } = await transportTo(ok);
    credentials.current = () => Promise.withResolvers<never>().promise;
    const abort = new AbortController();
    const result = failure(transport.request(call({ signal: abort.signal })));
    abort.abort();
    expect((await result).code).toBe('Aborted');
    expect(server.requests).toHaveLength(0);
  });

  it('while other calls fill the connection sends nothing and lets later ones pass', async () => {
    const held: (() => void)[] = [];
    const { server, transport } = await transportTo((_request, stream) => {
      held.push(() => answer(stream, 200));
    });
    const first = Array.from({ length: 96 }, () => transport.request(call()));
    const abort = new AbortController();
    const waiting = failure(transport.request(call({ signal: abort.signal })));
    const last = transport.request(call({ path: '/last' }));
    await server.until(() => held.length === 96);
    abort.abort();
    expect((await waiting).code).toBe('Aborted');
    for (const release of held) release();
    await Promise.all(first);
    await server.until(() => server.requests.some(({ path }) => path === '/last'));
    held.at(-1)?.();
    await last;
    expect(server.requests).toHaveLength(97);
  });

  it('before the head of a stream frees it', async () => {
    const { server, transport } = await transportTo(silent);
    const abort = new AbortController();
    const result = failure(transport.stream(call({ signal: abort.signal })));
    await server.until(() => server.requests.length === 1);
    abort.abort();
    expect((await result).code).toBe('Aborted');
    await server.until(() => server.openStreams === 0);
  });

  it('inside a stream ends it quietly', async () => {
    const { server, transport } = await transportTo(head);
    const abort = new AbortController();
    const seen: string[] = [];
    for await (const chunk of await transport.stream(call({ signal: abort.signal }))) {
      seen.push(Buffer.from(chunk).toString());
      abort.abort();
    }
    expect(seen).toEqual(['{"a":']);
    await server.until(() => server.openStreams === 0);
  });

  it('frees a stream that nobody reads', async () => {
    const { server, transport } = await transportTo(head);
    const abort = new AbortController();
    await transport.stream(call({ signal: abort.signal }));
    abort.abort();
    await server.until(() => server.openStreams === 0);
    server.script = ok;
    expect(await transport.request(call())).toEqual({ kind: 'PodList' });
  });

  it('by leaving the loop frees the stream', async () => {
    const { server, transport } = await transportTo(head);
    for await (const _chunk of await transport.stream(call())) break;
    await server.until(() => server.openStreams === 0);
  });
});

describe('a deadline', () => {
  it.each([
    ['before the answer', (() => undefined) as Script],
    ['inside the answer', ((_request, stream) => stream.respond({ ':status': 200 })) as Script],
  ])('%s frees the stream', async (_phase, script) => {
    const clock = new ManualClock();
    const { server, transport } = await transportTo(script, { clock });
    const result = failure(transport.request(call({ timeoutMs: 5_000 })));
    await server.until(() => server.requests.length === 1);
    clock.advance(5_000);
    expect(await result).toMatchObject({ code: 'RequestTimeout', retryable: true });
    await server.until(() => server.openStreams === 0);
    expect(clock.sleeping).toBe(0);
  });

  it('of a stream counts until its head only', async () => {
    const clock = new ManualClock();
    const { server, transport } = await transportTo(() => undefined, { clock });
    const late = failure(transport.stream(call({ timeoutMs: 5_000 })));
    await server.until(() => server.requests.length === 1);
    clock.advance(5_000);
    expect((await late).code).toBe('RequestTimeout');

    server.script = (_request, stream) => {
      stream.respond({ ':status': 200 });
      stream.end('all');
    };
    const stream = await transport.stream(call({ timeoutMs: 5_000 }));
    clock.advance(3_600_000);
    expect(await collect(stream)).toBe('all');
  });
});
