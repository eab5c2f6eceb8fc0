import { describe, expect, it } from 'vitest';
import {
  askGateway,
  askParts,
  chatBody,
  type GatewayFixture,
  gatewayFixture,
  MODEL,
} from '../../test/support/gateway-fixture.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { Fault } from '../../test/support/scripted-model-server.ts';
import { toolTurn } from '../../test/support/scripted-model-server.ts';
import { ClawError } from '../base/error.ts';
import type { CallRow } from '../store/records.ts';
import { sumUsage } from './usage.ts';

const STREAM = chatBody({ stream: true, stream_options: { include_usage: true } });
const PLAIN = chatBody();
const CALL = 'call-0001';

async function onlyCall(fixture: GatewayFixture): Promise<CallRow> {
  const rows = await fixture.records.listCalls(fixture.attempt);
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

async function recordedText(fixture: GatewayFixture, row: CallRow): Promise<string> {
  return Buffer.from(await fixture.artifacts.read(row.finish!.response)).toString();
}

/** Gives the fault to the first requests only. */
function first(count: number, fault: Fault) {
  return ({ index }: { readonly index: number }) => (index < count ? fault : undefined);
}

describe('an answered call', () => {
  it.each([
    ['stream', STREAM, 'text/event-stream'],
    ['plain', PLAIN, 'application/json'],
  ])('is recorded byte for byte as the agent got it (%s)', async (_name, body, type) => {
    await using fixture = await gatewayFixture({ script: () => toolTurn('write', { path: 'a' }) });
    const answer = await fixture.ask(body, { callId: CALL });
    const row = await onlyCall(fixture);
    expect(answer).toMatchObject({ status: 200, contentType: type });
    expect(await recordedText(fixture, row)).toBe(answer.text);
    expect(Buffer.from(await fixture.artifacts.read(row.request)).toString()).toBe(
      JSON.stringify(body),
    );
    expect(row).toMatchObject({
      callId: CALL,
      sequence: 1,
      model: MODEL,
      finish: { status: 200, result: 'complete', inputTokens: 100, outputTokens: 10 },
    });
  });

  it('reaches the upstream with the same bytes, the real key and no identity of the agent', async () => {
    await using fixture = await gatewayFixture();
    const text = `{ "model":"${MODEL}",  "messages":[{"role":"user","content":"é"}], "x": 1.0 }`;
    await fixture.ask(text);
    const [request] = fixture.model.requests;
    expect(request?.body.toString()).toBe(text);
    expect(request?.headers).toMatchObject({ authorization: 'Bearer sk-real' });
    expect(request?.headers['accept-encoding']).toBeUndefined();
    expect(request?.headers['x-clawgym-call-id']).toBeUndefined();
  });

  it.each([
    ['absent', {}],
    ['refused by the agent', { stream_options: { include_usage: false } }],
    ['null', { stream_options: null }],
  ])('asks for usage where the option is %s, and counts it', async (_name, over) => {
    await using fixture = await gatewayFixture();
    await fixture.ask(chatBody({ stream: true, ...over }));
    expect(fixture.model.requests[0]?.chat.stream_options).toEqual({ include_usage: true });
    expect((await onlyCall(fixture)).finish).toMatchObject({ inputTokens: 100, outputTokens: 10 });
  });

  it('shows its last event only after the record is durable', async () => {
    const written = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using fixture = await gatewayFixture({
      script: () => ({ content: 'Sorted.' }),
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: begun.promise }),
      wrapRecords: (records) =>
        new Proxy(records, {
          get(target, key) {
            if (key !== 'finishCall') return bound(target, key);
            return async (...args: Parameters<typeof target.finishCall>) => {
              asked.resolve();
              await written.promise;
              await target.finishCall(...args);
            };
          },
        }),
    });
    const answer = await askParts(fixture.gateway, STREAM);
    begun.resolve();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        seen.push(Buffer.from(chunk).toString());
      }
    })();
    await asked.promise;
    expect(seen.join('')).toContain('Sorted.');
    expect(seen.join('')).not.toMatch(/"finish_reason":"|\[DONE\]/);
    written.resolve();
    await reading;
    expect(seen.join('')).toMatch(/"finish_reason":"stop"[\s\S]*\[DONE\]/);
  });

  it('breaks off instead of ending where the record cannot be written', async () => {
    const begun = Promise.withResolvers<void>();
    await using fixture = await gatewayFixture({
      fault: first(1, { kind: 'gate', beforeFrame: 2, open: begun.promise }),
      wrapRecords: (records) =>
        new Proxy(records, {
          get(target, key) {
            if (key !== 'finishCall') return bound(target, key);
            return async () => {
              throw new ClawError('StoreUnavailable', 'disk is full');
            };
          },
        }),
    });
    const { body } = await askParts(fixture.gateway, STREAM);
    begun.resolve();
    await expect(Array.fromAsync(body as AsyncIterable<Uint8Array>)).rejects.toThrow(
      'disk is full',
    );
    expect(await fixture.ask(PLAIN)).toMatchObject({ status: 503 });
  });

  it('spools an answer that outgrows memory, byte for byte', async () => {
    const content = 'x'.repeat(3_000_000);
    await using fixture = await gatewayFixture({ script: () => ({ content }) });
    const answer = await fixture.ask(STREAM);
    expect(answer.text).toContain(content);
    expect(await recordedText(fixture, await onlyCall(fixture))).toBe(answer.text);
  });
});

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
    await using fixture = await gatewayFixture({ fault: first(count, fault) });
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
      limits: { idleSeconds: 0.05 },
      fault: () => ({ kind: 'stall', afterFrames: 2 }),
    });
    const answer = await fixture.ask(STREAM);
    expect(answer.text).toContain('"error"');
    expect(fixture.session.upstreamFailed).toContain('no byte for');
  });

  it('an endpoint that stays down until the deadline ends in a bare 400', async () => {
    await using fixture = await gatewayFixture({
      limits: { callSeconds: 0.1 },
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

describe('a repeated call id', () => {
  it('is answered from the record, also by a later gateway', async () => {
    await using fixture = await gatewayFixture();
    const one = await fixture.ask(STREAM, { callId: CALL });
    const two = await fixture.ask(STREAM, { callId: CALL });
    const three = await askGateway(fixture.anotherGateway(), STREAM, { callId: CALL });
    expect([two, three]).toEqual([one, one]);
    expect(fixture.model.requests).toHaveLength(1);
  });

  it('joins the call in flight and gets the same bytes', async () => {
    const open = Promise.withResolvers<void>();
    await using fixture = await gatewayFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: open.promise }),
    });
    const answers = [1, 2, 3].map(() => fixture.ask(STREAM, { callId: CALL }));
    await fixture.model.arrived(1);
    open.resolve();
    const [one, two, three] = await Promise.all(answers);
    expect(one?.text).toContain('[DONE]');
    expect([two, three]).toEqual([one, one]);
    expect(fixture.model.requests).toHaveLength(1);
    await onlyCall(fixture);
  });

  it('asks the upstream again where the gateway died before the record', async () => {
    const never = new Promise(() => undefined);
    await using fixture = await gatewayFixture({
      fault: first(1, { kind: 'gate', beforeFrame: 0, open: never }),
    });
    const lost = fixture.ask(STREAM, { callId: CALL });
    await fixture.model.arrived(1);
    await fixture.gateway[Symbol.asyncDispose]();
    expect((await lost).status).toBe(503);
    expect((await onlyCall(fixture)).finish).toBeUndefined();
    const answer = await askGateway(fixture.anotherGateway(), STREAM, { callId: CALL });
    expect(answer.text).toContain('[DONE]');
    expect((await onlyCall(fixture)).finish?.result).toBe('complete');
  });

  it('is refused with another body', async () => {
    await using fixture = await gatewayFixture();
    await fixture.ask(STREAM, { callId: CALL });
    expect(await fixture.ask(PLAIN, { callId: CALL })).toMatchObject({ status: 409 });
    expect(fixture.model.requests).toHaveLength(1);
  });
});

describe('an agent that hangs up', () => {
  it('stops the upstream and is recorded as aborted with what it got', async () => {
    const never = new Promise(() => undefined);
    await using fixture = await gatewayFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: never }),
    });
    const gone = new AbortController();
    const answer = await askParts(fixture.gateway, STREAM, { callId: CALL, signal: gone.signal });
    const iterator = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    const seen = Buffer.from((await iterator.next()).value).toString();
    const cancelled = await fixture.gateway.handle(
      {
        method: 'DELETE',
        path: `/calls/${CALL}`,
        authorization: 'Bearer bearer-of-the-first-attempt',
        callId: undefined,
        accept: undefined,
        body: new Uint8Array(),
      },
      new AbortController().signal,
    );
    gone.abort();
    await fixture.model.abandoned(0);
    await fixture.gateway.endAttempt(fixture.attempt);
    expect(cancelled.status).toBe(204);
    const row = await onlyCall(fixture);
    expect(row.finish?.result).toBe('aborted');
    expect((await recordedText(fixture, row)).startsWith(seen)).toBe(true);
  });

  it('is taken for gone when no link has come back within the limit, not before', async () => {
    const clock = new ManualClock();
    const never = new Promise(() => undefined);
    await using fixture = await gatewayFixture({
      clock,
      limits: { detachSeconds: 120 },
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: never }),
    });
    const gone = new AbortController();
    await askParts(fixture.gateway, STREAM, { callId: CALL, signal: gone.signal });
    gone.abort();
    clock.advance(119_000);
    const back = new AbortController();
    await askParts(fixture.gateway, STREAM, { callId: CALL, signal: back.signal });
    clock.advance(119_000);
    expect(fixture.model.hungUp.size).toBe(0);
    back.abort();
    clock.advance(120_000);
    await fixture.model.abandoned(0);
    await fixture.gateway.endAttempt(fixture.attempt);
    expect((await onlyCall(fixture)).finish?.result).toBe('aborted');
  });

  it('leaves a call that runs on to its record when only the connection was lost', async () => {
    const open = Promise.withResolvers<void>();
    await using fixture = await gatewayFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: open.promise }),
    });
    const gone = new AbortController();
    await askParts(fixture.gateway, STREAM, { callId: CALL, signal: gone.signal });
    gone.abort();
    open.resolve();
    const answer = await fixture.ask(STREAM, { callId: CALL });
    expect(answer.text).toContain('[DONE]');
    expect(fixture.model.requests).toHaveLength(1);
  });
});

describe('budgets', () => {
  it.each([
    ['stream', STREAM],
    ['plain', PLAIN],
  ])('turns: the call after the last one gets a final text (%s)', async (_name, body) => {
    await using fixture = await gatewayFixture({
      budgets: { turns: 2 },
      script: () => toolTurn('write', { path: 'a' }),
    });
    await fixture.ask(body);
    await fixture.ask(body);
    expect(fixture.session.budgetEnded).toBeUndefined();
    const last = await fixture.ask(body);
    expect(last).toMatchObject({ status: 200 });
    expect(last.text).toContain('The budget of 2 model calls for this task is used up');
    expect(last.text).toContain('"finish_reason":"stop"');
    expect(last.text).not.toContain('tool_calls');
    expect(fixture.model.requests).toHaveLength(2);
    expect(fixture.session.budgetEnded).toEqual({ budget: 'turns', limit: 2, used: 2 });
    const rows = await fixture.records.listCalls(fixture.attempt);
    expect(rows.map((row) => row.finish?.result)).toEqual(['complete', 'complete', 'budget']);
    expect(await recordedText(fixture, rows[2]!)).toBe(last.text);
    expect(sumUsage(rows)).toEqual({
      calls: 3,
      inputTokens: 200,
      outputTokens: 20,
      callsWithoutUsage: 0,
    });
  });

  it.each([
    [{ totalTokens: 110 }, 'totalTokens'],
    [{ inputTokens: 100 }, 'inputTokens'],
    [{ outputTokens: 10 }, 'outputTokens'],
  ] as const)('tokens: %o', async (budgets, budget) => {
    await using fixture = await gatewayFixture({ budgets });
    expect((await fixture.ask(STREAM)).text).toContain('Done.');
    expect((await fixture.ask(STREAM)).text).toContain('is used up');
    expect(fixture.session.budgetEnded?.budget).toBe(budget);
    expect(fixture.model.requests).toHaveLength(1);
  });

  it('seconds: used up between calls', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({ clock, budgets: { seconds: 60 } });
    clock.advance(59_999);
    expect((await fixture.ask(STREAM)).text).toContain('Done.');
    clock.advance(1);
    expect((await fixture.ask(PLAIN)).text).toContain('The budget of 60 seconds');
  });

  it('seconds: used up while the upstream is silent, the call ends at once', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      budgets: { seconds: 60 },
      fault: () => ({ kind: 'stall' }),
    });
    const answer = fixture.ask(STREAM);
    await fixture.model.arrived(1);
    clock.advance(60_000);
    expect((await answer).text).toContain('The budget of 60 seconds');
    expect((await onlyCall(fixture)).finish?.result).toBe('budget');
    await fixture.model.abandoned(0);
  });

  it('count what earlier calls of the attempt used when the session is opened again', async () => {
    await using fixture = await gatewayFixture({ budgets: { totalTokens: 110 } });
    await fixture.ask(STREAM);
    const { attempt, session } = fixture;
    const { upstream, model, budgets } = session;
    await fixture.sessions.open({ attempt, bearer: 'second', upstream, model, budgets });
    expect((await fixture.ask(STREAM, { bearer: 'second' })).text).toContain('is used up');
    expect((await fixture.ask(STREAM)).status).toBe(401);
  });
});

describe('what is refused', () => {
  it.each([
    ['malformed JSON', '{"model":', 400, 'not JSON'],
    ['JSON that is no object', '[]', 400, 'request body'],
    ['no messages', { model: MODEL, messages: [] }, 400, 'messages'],
    ['a stream flag of another type', chatBody({ stream: 'yes' }), 400, 'stream'],
    ['another model', chatBody({ model: 'gpt-expensive' }), 404, 'gpt-expensive'],
  ])('%s', async (_name, body, status, words) => {
    await using fixture = await gatewayFixture();
    const answer = await fixture.ask(body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({
      error: { message: expect.stringContaining(words) },
    });
    expect(fixture.model.requests).toHaveLength(0);
  });

  it('a wrong bearer, a revoked bearer and a call without an id', async () => {
    await using fixture = await gatewayFixture();
    expect(await fixture.ask(PLAIN, { bearer: 'guess' })).toMatchObject({ status: 401 });
    expect(await fixture.ask(PLAIN, { callId: 'x' })).toMatchObject({ status: 400 });
    fixture.sessions.revoke(fixture.attempt);
    expect(await fixture.ask(PLAIN)).toMatchObject({ status: 401 });
    expect(await fixture.records.listCalls(fixture.attempt)).toEqual([]);
  });

  it('other routes; the list of models names the one model', async () => {
    await using fixture = await gatewayFixture();
    const get = async (path: string) => {
      const request = { method: 'GET', path, authorization: 'Bearer bearer-of-the-first-attempt' };
      const rest = { callId: undefined, accept: undefined, body: new Uint8Array() };
      const answer = await fixture.gateway.handle(
        { ...request, ...rest },
        new AbortController().signal,
      );
      return [answer.status, JSON.parse(Buffer.from(answer.body as Uint8Array).toString())];
    };
    expect(await get('/v1/models')).toMatchObject([200, { data: [{ id: MODEL }] }]);
    expect(await get('/v1/embeddings')).toMatchObject([404, { error: { code: 'unknown_url' } }]);
  });
});

it('twenty parallel calls get their own answers and rows', async () => {
  await using fixture = await gatewayFixture({
    script: ({ prompt }) => ({ content: `answer to ${prompt}` }),
    fault: ({ index }) =>
      index % 3 === 0 ? { kind: 'status', status: 429, retryAfter: '0' } : undefined,
  });
  const prompts = Array.from({ length: 20 }, (_, index) => `question ${index}.`);
  const answers = await Promise.all(
    prompts.map((content, index) =>
      fixture.ask(chatBody({ stream: index % 2 === 0, messages: [{ role: 'user', content }] })),
    ),
  );
  for (const [index, answer] of answers.entries()) {
    expect(answer.text).toContain(`answer to ${prompts[index]}`);
  }
  const rows = await fixture.records.listCalls(fixture.attempt);
  expect(rows.map((row) => row.sequence)).toEqual(prompts.map((_, index) => index + 1));
  const recorded = await Promise.all(rows.map((row) => recordedText(fixture, row)));
  expect(recorded.toSorted()).toEqual(answers.map((answer) => answer.text).toSorted());
});

async function readAll(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
  const chunks: Uint8Array[] = [];
  if (body instanceof Uint8Array) chunks.push(body);
  else for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === 'function' ? value.bind(target) : value;
}
