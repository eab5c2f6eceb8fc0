import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy/fault-proxy.ts';
import type { Fault } from '../support/fault-proxy/faults.ts';
import {
  anyRequest,
  listsOf,
  watchesOf,
  writesOf,
} from '../support/fault-proxy/proxied-request.ts';
import { seededRandom } from '../support/fault-proxy/rules.ts';
import { event, lines, Reading, Script } from '../support/fault-proxy/scripted-watch-server.ts';
import { upstreamOfKubeconfig } from '../support/fault-proxy/upstream.ts';
import { tempDir } from '../support/temp-dir.ts';

const LIST = '/api/v1/namespaces/a/pods';
const half = (text: string) => text.slice(0, Math.ceil(text.length / 2));
const WATCH = `${LIST}?watch=1`;
const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const part of stack.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

async function setUp(http2: boolean) {
  const script = await Script.start();
  stack.push(script);
  const proxy = await FaultProxy.start({
    upstream: { url: script.url, token: 'mine' },
    random: seededRandom(7),
  });
  stack.push(proxy);
  const agent = new Agent({ allowH2: http2, connect: { ca: proxy.certificate } });
  stack.push({ [Symbol.asyncDispose]: () => agent.destroy() });
  const call = (path: string, method = 'GET', body: string | null = null) =>
    request(`${proxy.url}${path}`, {
      dispatcher: agent,
      method,
      body,
      headers: { authorization: 'Bearer theirs' },
      signal: AbortSignal.timeout(10_000),
    });
  const open = async () => new Reading((await call(WATCH)).body);
  return { script, proxy, call, open };
}

describe.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
])('a proxy without rules, over %s', (_name, http2) => {
  test('passes calls, bodies and the status, with its own credentials', async () => {
    const { script, call, proxy } = await setUp(http2);
    const answer = await call(LIST, 'POST', '{"a":1}');
    expect([answer.statusCode, await answer.body.json()]).toEqual([200, { items: [1, 2, 3] }]);
    expect(script.seen[0]).toMatchObject({ method: 'POST', body: '{"a":1}' });
    expect(script.seen[0]?.headers.authorization).toBe('Bearer mine');
    expect(proxy.requests[0]).toMatchObject({
      verb: 'write',
      resource: 'pods',
      httpVersion: http2 ? '2.0' : '1.1',
    });
  });

  test('passes each event when it comes and counts it', async () => {
    const { script, proxy, open } = await setUp(http2);
    const watch = await open();
    await watch.until(10);
    script.say(lines(11, 1).slice(0, 20));
    script.say(lines(11, 1).slice(20));
    await watch.until(11);
    expect(watch.text).toBe(lines(1, 11));
    expect(proxy.counts).toMatchObject({ requests: 1, connections: 1, watchEvents: 11 });
  });

  test('ends a watch as its server ends it, cleanly or not', async () => {
    const { script, open } = await setUp(http2);
    const [clean, broken] = [await open(), await open()];
    await Promise.all([clean.until(10), broken.until(10)]);
    script.watches[0]?.end();
    await clean.end();
    script.watches[1]?.destroy();
    await broken.end();
    expect([clean.ended, broken.ended]).toEqual(['clean', 'broken']);
  });

  test.each<[string, Fault, number, 'clean' | 'broken', string]>([
    ['reset', { kind: 'reset', when: { events: 3 } }, 3, 'broken', lines(1, 3)],
    [
      'reset of one stream',
      { kind: 'reset', scope: 'stream', when: { events: 3 } },
      3,
      'broken',
      lines(1, 3),
    ],
    [
      'reset after bytes',
      { kind: 'reset', when: { bytes: 75 } },
      1,
      'broken',
      lines(1, 3).slice(0, 75),
    ],
    ['clean close', { kind: 'close', when: { events: 4 } }, 4, 'clean', lines(1, 4)],
    ['goaway', { kind: 'goaway', when: { events: 4 } }, 4, 'clean', lines(1, 4)],
    [
      'truncated line',
      { kind: 'truncate', when: { events: 2 } },
      2,
      'clean',
      lines(1, 2) + half(lines(3, 1)),
    ],
    [
      'close before an event',
      { kind: 'close', when: { before: (line) => line.includes('p6') } },
      5,
      'clean',
      lines(1, 5),
    ],
  ])('cuts a watch: %s', async (_case, fault, events, ended, text) => {
    const { proxy, open } = await setUp(http2);
    proxy.inject({ match: watchesOf('pods'), fault, times: 1 });
    const watch = await open();
    await watch.end();
    expect([watch.events, watch.ended]).toEqual([events, ended]);
    // A reset may overtake bytes that are on their way.
    expect(text.startsWith(watch.text)).toBe(true);
    if (ended === 'clean') expect(watch.text).toBe(text);
    expect(proxy.counts.injected).toEqual({ [fault.kind]: 1 });
    const next = await open();
    await next.until(10);
    expect(next.text).toBe(lines(1, 10));
  });

  test('puts an ERROR event in and ends the watch', async () => {
    const { proxy, open } = await setUp(http2);
    proxy.inject({
      match: watchesOf(),
      fault: { kind: 'error-event', status: 410, when: { events: 2 } },
    });
    const text = await (await open()).end();
    expect(text.startsWith(lines(1, 2))).toBe(true);
    expect(JSON.parse(text.trimEnd().split('\n')[2] ?? '')).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    });
    expect(proxy.counts.injected).toEqual({ 'error-event-410': 1 });
  });

  test('puts garbage in, repeats and drops events, and the watch goes on', async () => {
    const { proxy, open } = await setUp(http2);
    const inject = (fault: Fault) => proxy.inject({ match: watchesOf(), fault });
    inject({ kind: 'garbage', text: '<html>', when: { events: 1 } });
    inject({ kind: 'duplicate', copies: 2, when: { events: 3 } });
    inject({ kind: 'drop', when: { before: (line) => line.includes('p6') } });
    const watch = await open();
    await watch.until(12);
    const wanted = [1, '<html>', 2, 3, 4, 4, 4, 5, 7, 8, 9, 10];
    expect(watch.text).toBe(
      wanted.map((n) => `${typeof n === 'number' ? event(n) : n}\n`).join(''),
    );
  });

  test('holds events back for a while and then passes all of them in order', async () => {
    const { script, proxy, open } = await setUp(http2);
    proxy.inject({
      match: watchesOf(),
      fault: { kind: 'stall', forMs: 150, when: { events: 5 } },
      times: 1,
    });
    const watch = await open();
    await watch.until(5);
    script.say(lines(11, 5));
    expect(watch.events).toBe(5);
    await watch.until(15);
    expect(watch.text).toBe(lines(1, 15));
  });

  test('falls silent on an open watch, and the other requests go on', async () => {
    const { script, proxy, call, open } = await setUp(http2);
    const watch = await open();
    await watch.until(10);
    using rule = proxy.inject({ match: watchesOf(), fault: { kind: 'stall' } });
    expect(rule.injected).toBe(1);
    script.say(lines(11, 5));
    expect((await call(LIST)).statusCode).toBe(200);
    expect([watch.events, watch.ended, proxy.counts.openRequests]).toEqual([10, undefined, 1]);
  });

  test('swallows a whole connection: nothing passes, nothing closes', async () => {
    const { script, proxy, call, open } = await setUp(http2);
    const watch = await open();
    await watch.until(10);
    proxy.inject({ match: watchesOf(), fault: { kind: 'stall', scope: 'connection' }, times: 1 });
    script.say(lines(11, 5));
    const lost = http2 ? call(LIST) : watch.end();
    const first = await Promise.race([lost.then(() => 'answered'), delay(200, 'silent')]);
    lost.catch(() => undefined);
    expect([first, watch.events, watch.ended]).toEqual(['silent', 10, undefined]);
    expect(proxy.counts.openConnections).toBe(1);
  });

  test.each([410, 401, 500, 503])('answers %i in the place of the server', async (status) => {
    const { script, proxy, call } = await setUp(http2);
    proxy.inject({ match: listsOf('pods'), fault: { kind: 'status', status }, times: 2 });
    for (const wanted of [status, status, 200]) {
      const answer = await call(LIST);
      expect(answer.statusCode).toBe(wanted);
      const body = (await answer.body.json()) as { code?: number };
      expect(body.code).toBe(wanted === 200 ? undefined : status);
    }
    expect(script.seen).toHaveLength(1);
    expect(proxy.counts.injected).toEqual({ [`status-${status}`]: 2 });
  });

  test('answers 429 with Retry-After', async () => {
    const { proxy, call } = await setUp(http2);
    proxy.inject({
      match: anyRequest,
      fault: { kind: 'status', status: 429, retryAfterSeconds: 3 },
    });
    const answer = await call(LIST, 'POST', 'x'.repeat(200_000));
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '3']);
    expect(await answer.body.json()).toMatchObject({ reason: 'TooManyRequests' });
  });

  test('loses the answer to a write that the server has done', async () => {
    const { script, proxy, call } = await setUp(http2);
    proxy.inject({ match: writesOf(), fault: { kind: 'reset', when: 'answer' }, times: 1 });
    await expect(call(LIST, 'POST', '{}')).rejects.toThrow();
    expect(script.seen.map(({ method }) => method)).toEqual(['POST']);
  });

  test('loses a request before the server hears of it', async () => {
    const { script, proxy, call } = await setUp(http2);
    proxy.inject({ match: writesOf(), fault: { kind: 'reset', when: 'request' }, times: 1 });
    await expect(call(LIST, 'POST', '{}')).rejects.toThrow();
    expect(script.seen).toEqual([]);
  });

  test('delays a list, and cuts one in its middle', async () => {
    const { proxy, call } = await setUp(http2);
    proxy.inject({ match: listsOf(), fault: { kind: 'delay', ms: 120 }, times: 1 });
    const before = performance.now();
    await (await call(LIST)).body.text();
    expect(performance.now() - before).toBeGreaterThan(115);
    proxy.inject({ match: listsOf(), fault: { kind: 'truncate', when: { bytes: 6 } }, times: 1 });
    expect(await (await call(LIST)).body.text()).toBe('{"item');
    proxy.inject({ match: listsOf(), fault: { kind: 'truncate' }, times: 1 });
    expect(await (await call(LIST)).body.text()).toBe(half('{"items":[1,2,3]}'));
  });

  test('refuses connections for a while and takes them again on the same port', async () => {
    const { proxy, call, open } = await setUp(http2);
    const watch = await open();
    await watch.until(10);
    await proxy.refuse();
    await watch.end();
    await expect(call(LIST)).rejects.toThrow(/ECONNREFUSED/);
    expect([watch.ended, proxy.counts.openConnections]).toEqual(['broken', 0]);
    await proxy.accept();
    expect((await call(LIST)).statusCode).toBe(200);
    proxy.inject({ match: listsOf(), fault: { kind: 'refuse', forMs: 60_000 }, times: 1 });
    await expect(call(LIST)).rejects.toThrow();
    await expect(call(LIST)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('injects by chance per event, the same with the same seed', async () => {
    const run = async (): Promise<number[]> => {
      const { proxy, open } = await setUp(http2);
      proxy.inject({ match: watchesOf(), fault: { kind: 'reset', when: { chance: 0.2 } } });
      const counts: number[] = [];
      for (let at = 0; at < 5; at += 1) {
        const watch = await open();
        await watch.until(10);
        counts.push(proxy.counts.injected['reset'] ?? 0);
      }
      return counts;
    };
    const [first, second] = [await run(), await run()];
    expect(first).toEqual(second);
    expect(first.at(-1)).toBeGreaterThan(1);
  });

  test('a rule that was taken out, or is used up, does nothing', async () => {
    const { proxy, call } = await setUp(http2);
    const rule = proxy.inject({ match: anyRequest, fault: { kind: 'status', status: 500 } });
    expect((await call(LIST)).statusCode).toBe(500);
    rule[Symbol.dispose]();
    expect((await call(LIST)).statusCode).toBe(200);
    expect(rule.injected).toBe(1);
    proxy.inject({ match: anyRequest, fault: { kind: 'status', status: 500 } });
    proxy.clear();
    expect((await call(LIST)).statusCode).toBe(200);
  });
});

describe('the ends of the proxy', () => {
  test('disposing ends open watches, the port and stalled streams', async () => {
    const { proxy, open, call } = await setUp(true);
    const watch = await open();
    await watch.until(10);
    proxy.inject({ match: watchesOf(), fault: { kind: 'stall', scope: 'connection' } });
    await proxy[Symbol.asyncDispose]();
    await watch.end();
    expect(watch.ended).toBe('broken');
    await expect(call(LIST)).rejects.toThrow();
    stack.splice(stack.indexOf(proxy), 1);
  });

  test('a server that is down is a connection that breaks', async () => {
    const { script, call } = await setUp(true);
    await script[Symbol.asyncDispose]();
    stack.splice(stack.indexOf(script), 1);
    await expect(call(LIST)).rejects.toThrow();
  });

  test('its kubeconfig reads back as its own upstream', async () => {
    const { proxy } = await setUp(true);
    await using dir = await tempDir();
    const path = join(dir.path, 'kubeconfig');
    await proxy.writeKubeconfig(path, 'a-token');
    expect(upstreamOfKubeconfig(path)).toEqual({
      url: proxy.url,
      ca: proxy.certificate,
      token: 'a-token',
    });
    expect(readFileSync(path, 'utf8')).not.toContain('mine');
  });

  test('client credentials pass where the proxy is told to use them', async () => {
    const script = await Script.start();
    stack.push(script);
    await using proxy = await FaultProxy.start({
      upstream: { url: script.url, token: 'mine' },
      credentials: 'client',
    });
    const agent = new Agent({ connect: { ca: proxy.certificate } });
    await request(`${proxy.url}${LIST}`, {
      dispatcher: agent,
      headers: { authorization: 'Bearer theirs' },
    }).then(({ body }) => body.dump());
    await agent.destroy();
    expect(script.seen[0]?.headers.authorization).toBe('Bearer theirs');
  });
});
