import { describe, expect, it } from 'vitest';
import {
  askParts,
  firstRequests,
  gatewayFixture,
  onlyCall,
  PLAIN,
  readAll,
  recordedText,
  STREAM,
} from '../../test/support/gateway-fixture.ts';
import { keepingLogger } from '../../test/support/keeping-logger.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { Fault } from '../../test/support/scripted-model-server.ts';

describe('upstream faults that the agent never sees', () => {
  const faults: readonly (readonly [string, object, Fault, number])[] = [
    ['429 with Retry-After', STREAM, { kind: 'status', status: 429, retryAfter: '0' }, 1],
    ['500 three times', STREAM, { kind: 'status', status: 500 }, 3],
    ['503 three times, not streamed', PLAIN, { kind: 'status', status: 503 }, 3],
    ['reset before the first byte', STREAM, { kind: 'reset' }, 2],
    ['reset before the first byte, not streamed', PLAIN, { kind: 'reset' }, 1],
    ['end without an answer', STREAM, { kind: 'truncate', afterFrames: 0 }, 1],
  ];
  it.each(faults)('%s', async (_name, body, fault, count) => {
    await using fixture = await gatewayFixture({ fault: firstRequests(count, fault) });
    const answer = await fixture.ask(body);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('Done.');
    expect(fixture.model.requests).toHaveLength(count + 1);
    expect((await onlyCall(fixture)).finish?.result).toBe('complete');
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });
});

describe('upstream faults that end the attempt', () => {
  it.each(['reset', 'truncate'] as const)(
    'a stream broken off by %s: an error frame, recorded, never a silent end',
    async (kind) => {
      const begun = Promise.withResolvers<void>();
      await using fixture = await gatewayFixture({
        fault: () => ({ kind, afterFrames: 2, when: begun.promise }),
      });
      const answer = await askParts(fixture.gateway, STREAM);
      begun.resolve();
      const text = await readAll(answer.body);
      const row = await onlyCall(fixture);
      expect(text).toMatch(
        /Done\.[\s\S]*\n\ndata: \{"error":\{"message":"The model endpoint broke off/,
      );
      expect(text).not.toContain('[DONE]');
      expect(row.finish?.result).toBe('error');
      expect(await recordedText(fixture, row)).toBe(text);
      expect(fixture.session.upstreamFailed).toBeDefined();
    },
  );

  it('a stalled stream is broken off after the idle limit', async () => {
    await using fixture = await gatewayFixture({
      limits: { idleSeconds: 0.2 },
      fault: () => ({ kind: 'stall', afterFrames: 2 }),
    });
    const answer = await fixture.ask(STREAM);
    expect(answer.text).toContain('"error"');
    expect(fixture.session.upstreamFailed).toContain('no byte for');
  });

  it('an endpoint that stays down until the deadline ends in a bare 400', async () => {
    await using fixture = await gatewayFixture({
      limits: { callSeconds: 0.5 },
      fault: () => ({ kind: 'status', status: 503 }),
    });
    const answer = await fixture.ask(STREAM);
    expect(answer).toMatchObject({ status: 400, contentType: 'application/json' });
    expect(answer.text).toContain('status 503');
    expect((await onlyCall(fixture)).finish).toMatchObject({ status: 400, result: 'error' });
    expect(fixture.session.upstreamFailed).toContain('gave no answer');
  });

  it('a refusal goes to the agent once, and is not asked again', async () => {
    const fault = {
      kind: 'status',
      status: 400,
      body: '{"error":{"message":"too long"}}',
    } as const;
    await using fixture = await gatewayFixture({ fault: () => fault });
    expect(await fixture.ask(STREAM)).toMatchObject({ status: 400, text: fault.body });
    expect(fixture.model.requests).toHaveLength(1);
    expect((await onlyCall(fixture)).finish).toMatchObject({ status: 400, result: 'error' });
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });

  it('a refused key is never quoted to the agent', async () => {
    const body = '{"error":{"message":"Incorrect API key provided: sk-real"}}';
    await using fixture = await gatewayFixture({
      fault: () => ({ kind: 'status', status: 401, body }),
    });
    const answer = await fixture.ask(STREAM);
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('sk-real');
    expect(fixture.session.upstreamFailed).toContain('status 401');
  });
});

describe('what an agent brings on itself is not the upstream’s failure', () => {
  it.each([400, 403, 404, 413, 422])(
    'a %d where the endpoint has answered another attempt of the run',
    async (status) => {
      await using fixture = await gatewayFixture({
        fault: ({ index }) => (index === 1 ? { kind: 'status', status } : undefined),
      });
      const other = await fixture.openAttempt('bearer-of-the-second-attempt');
      await fixture.ask(STREAM, { bearer: 'bearer-of-the-second-attempt' });
      expect((await fixture.ask(STREAM)).status).toBeGreaterThanOrEqual(400);
      expect(fixture.session.upstreamFailed).toBeUndefined();
      expect(other.upstreamFailed).toBeUndefined();
    },
  );

  it.each([301, 401, 402])(
    'but a %d after an answer is: no agent shapes key or address',
    async (status) => {
      await using fixture = await gatewayFixture({
        fault: ({ index }) => (index === 1 ? { kind: 'status', status } : undefined),
      });
      await fixture.ask(STREAM);
      expect((await fixture.ask(STREAM)).status).toBe(400);
      expect(fixture.session.upstreamFailed).toContain(`status ${status}`);
    },
  );

  it('credit that is used up is not waited for: no retry of a 429 changes it', async () => {
    const body = '{"error":{"code":"insufficient_quota","message":"check your plan of acme"}}';
    await using fixture = await gatewayFixture({
      fault: ({ index }) => (index === 1 ? { kind: 'status', status: 429, body } : undefined),
    });
    await fixture.ask(STREAM);
    const answer = await fixture.ask(STREAM);
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('acme');
    expect(fixture.model.requests).toHaveLength(2);
    expect(fixture.session.upstreamFailed).toContain('credit');
  });

  it('a 429 whose message only quotes that code is asked again', async () => {
    const body = JSON.stringify({ error: { message: '"code":"insufficient_quota"' } });
    await using fixture = await gatewayFixture({
      fault: firstRequests(1, { kind: 'status', status: 429, body }),
    });
    expect((await fixture.ask(STREAM)).text).toContain('Done.');
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });

  it.each([403, 404])('and so is a %d before any answer', async (status) => {
    await using fixture = await gatewayFixture({ fault: () => ({ kind: 'status', status }) });
    expect((await fixture.ask(STREAM)).status).toBe(400);
    expect(fixture.session.upstreamFailed).toContain(`status ${status}`);
  });

  it('a call that fails until its deadline while the endpoint answers others', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      limits: { callSeconds: 60 },
      fault: ({ chat }) =>
        chat.stream === true ? { kind: 'status', status: 503, retryAfter: '90' } : undefined,
    });
    const answer = fixture.ask(STREAM);
    // The call's deadline and the pause before the next try.
    await expect.poll(() => clock.sleeping).toBe(2);
    clock.advance(1000);
    expect((await fixture.ask(PLAIN)).text).toContain('Done.');
    clock.advance(59_000);
    expect(await answer).toMatchObject({ status: 400 });
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });

  it('an answer that still flows at the call’s deadline', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      limits: { callSeconds: 900, idleSeconds: 10_000 },
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: new Promise(() => undefined) }),
    });
    const answer = await askParts(fixture.gateway, STREAM);
    clock.advance(900_000);
    expect(await readAll(answer.body)).toContain('"error"');
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });
});

describe('an answer that is none', () => {
  const empty = 'data: [DONE]\n\n';
  const sse = { contentType: 'text/event-stream' };

  it.each([
    ['a stream of [DONE] alone', STREAM, { kind: 'body', body: empty, ...sse }],
    ['frames that are no JSON', STREAM, { kind: 'body', body: `data: {"ch\n\n${empty}`, ...sse }],
    ['no choices', PLAIN, { kind: 'body', body: '{"choices":[]}' }],
  ] as const)('%s: asked again, never shown', async (_name, body, fault) => {
    await using fixture = await gatewayFixture({ fault: firstRequests(2, fault) });
    const answer = await fixture.ask(body);
    expect(answer.text).toContain('Done.');
    expect(fixture.model.requests).toHaveLength(3);
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });

  it.each([
    ['one JSON body for a stream', STREAM, { kind: 'body', body: COMPLETION }],
    ['a stream for one JSON body', PLAIN, { kind: 'body', body: STREAMED, ...sse }],
  ] as const)('%s: the endpoint’s failure, at once', async (_name, body, fault) => {
    await using fixture = await gatewayFixture({ fault: () => fault });
    expect((await fixture.ask(body)).status).toBe(400);
    expect(fixture.model.requests).toHaveLength(1);
    expect(fixture.session.upstreamFailed).toContain('was asked for');
    expect((await onlyCall(fixture)).finish?.result).toBe('error');
  });

  it('an error in a stream is told without the key that it quotes', async () => {
    const body = 'data: {"error":{"message":"no such key: sk-real"}}\n\n';
    const clock = new ManualClock();
    const lines: string[] = [];
    await using fixture = await gatewayFixture({
      clock,
      logger: keepingLogger(lines),
      limits: { callSeconds: 60 },
      fault: () => ({ kind: 'body', body, ...sse }),
    });
    const asked = fixture.ask(STREAM);
    // Two tries fail, the second of them not long before the call's deadline.
    await expect.poll(() => lines.length).toBe(1);
    clock.advance(40_000);
    await expect.poll(() => lines.length).toBe(2);
    clock.advance(20_000);
    const answer = await asked;
    expect(fixture.session.upstreamFailed).toContain('no such key: [key]');
    expect(answer.text).not.toContain('sk-real');
  });
});

const COMPLETION = '{"choices":[{"message":{"content":"Done."},"finish_reason":"stop"}]}';
const STREAMED =
  'data: {"choices":[{"delta":{"content":"Done."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
