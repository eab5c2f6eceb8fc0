import { describe, expect, it } from 'vitest';
import {
  askParts,
  chatBody,
  firstRequests,
  gatewayFixture,
  MODEL,
  onlyCall,
  PLAIN,
  readAll,
  recordedText,
  STREAM,
} from '../../test/support/gateway-fixture.ts';
import { toolTurn } from '../../test/support/scripted-model-server.ts';
import { parseJson } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';

const CALL = 'call-0001';

describe('a body that cannot be written again', () => {
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const body = (levels: number) =>
    `{"model":"${MODEL}","messages":[{"role":"user","content":"x"}],"x":${deep(levels)},"model":"${MODEL}"}`;

  it('is refused at once: an agent must not turn its rollout into missing data', async () => {
    await using fixture = await gatewayFixture({ limits: { callSeconds: 1 } });
    const answer = await fixture.ask(body(200_000));
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('nested deeper than 128');
    expect(await fixture.records.listCalls(fixture.attempt)).toEqual([]);
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });

  it('begins one level beyond the bound', async () => {
    await using fixture = await gatewayFixture();
    const statuses = [127, 128].map(async (levels) => (await fixture.ask(body(levels))).status);
    expect(await Promise.all(statuses)).toEqual([200, 400]);
  });
});

it('a fault of ours is never asked again as if it were the endpoint’s', async () => {
  let asked = 0;
  const upstream = {
    name: 'broken',
    chat: () => {
      asked += 1;
      return Promise.reject(new RangeError('Maximum call stack size exceeded'));
    },
  };
  await using fixture = await gatewayFixture({ upstream, limits: { callSeconds: 1 } });
  expect((await fixture.ask(PLAIN)).status).toBe(503);
  expect(asked).toBe(1);
  expect(fixture.session.upstreamFailed).toBeUndefined();
});

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
      fault: firstRequests(1, { kind: 'gate', beforeFrame: 2, open: begun.promise }),
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
    await expect(readAll(body)).rejects.toThrow('disk is full');
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
    expect(answer.contentType).toBe('application/json');
    expect(answer.text).toMatch(/^\{"error":\{"message":/);
    expect(answer.text).toContain(words);
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
      return [answer.status, parseJson(await readAll(answer.body))];
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

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === 'function' ? value.bind(target) : value;
}
