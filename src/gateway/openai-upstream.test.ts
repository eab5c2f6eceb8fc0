import { expect, it } from 'vitest';
import { chatBody } from '../../test/support/gateway-fixture.ts';
import { type KeptLine, lineLogger } from '../../test/support/keeping-logger.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { startScriptedModel } from '../../test/support/scripted-model-server.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { OpenAiUpstream } from './openai-upstream.ts';

const common = { name: 'test', random: () => 0, logger: silentLogger };
const ask = { body: Buffer.from(JSON.stringify(chatBody())), accept: 'application/json' };
const script = () => ({ content: 'Done.' });

it('asks for the endpoint’s own model name where one is set, and sends no key where none is', async () => {
  await using model = await startScriptedModel({ script });
  await using upstream = new OpenAiUpstream({
    ...common,
    baseUrl: `${model.baseUrl}/`,
    apiKey: undefined,
    modelName: 'their-name',
    clock: systemClock,
  });
  const answer = await upstream.chat(ask, new AbortController().signal);
  for await (const _ of answer.body);
  expect(model.requests[0]?.chat.model).toBe('their-name');
  expect(model.requests[0]?.headers.authorization).toBeUndefined();
});

it('waits as long as Retry-After says', async () => {
  const clock = new ManualClock();
  await using model = await startScriptedModel({
    script,
    fault: ({ index }) =>
      index === 0 ? { kind: 'status', status: 429, retryAfter: '30' } : undefined,
  });
  await using upstream = new OpenAiUpstream({
    ...common,
    baseUrl: model.baseUrl,
    apiKey: 'k',
    clock,
  });
  const answer = upstream.chat(ask, new AbortController().signal);
  await expect.poll(() => clock.sleeping).toBe(1);
  clock.advance(29_999);
  expect(clock.sleeping).toBe(1);
  clock.advance(1);
  for await (const _ of (await answer).body);
  expect(model.requests).toHaveLength(2);
});

it('warns of an endpoint once in ten seconds, and counts what it left out', async () => {
  const clock = new ManualClock();
  const lines: KeptLine[] = [];
  await using model = await startScriptedModel({
    script,
    fault: ({ index }) =>
      index < 4 ? { kind: 'status', status: 429, retryAfter: '4' } : undefined,
  });
  await using upstream = new OpenAiUpstream({
    ...{ ...common, logger: lineLogger(lines), clock },
    ...{ baseUrl: model.baseUrl, apiKey: 'k' },
  });
  const answer = upstream.chat(ask, new AbortController().signal);
  for (const requests of [1, 2, 3, 4]) {
    await model.arrived(requests);
    await expect.poll(() => clock.sleeping).toBe(1);
    clock.advance(4000);
  }
  for await (const _ of (await answer).body);
  expect(lines.map(({ fields }) => [fields['failures'], fields['otherFailures']])).toEqual([
    [1, undefined],
    [4, 2],
  ]);
});

it('gives up when the signal aborts and says what it saw last', async () => {
  const clock = new ManualClock();
  await using model = await startScriptedModel({
    script,
    fault: () => ({ kind: 'status', status: 503 }),
  });
  await using upstream = new OpenAiUpstream({
    ...common,
    baseUrl: model.baseUrl,
    apiKey: 'k',
    clock,
  });
  const stop = new AbortController();
  const answer = upstream.chat(ask, stop.signal);
  await expect.poll(() => clock.sleeping).toBe(1);
  stop.abort();
  await expect(answer).rejects.toThrow('gave no answer in 1 tries; the last: status 503');
});

it('gives up after retryMs, and knows whether it was ever answered', async () => {
  await using model = await startScriptedModel({
    script,
    fault: ({ index }) => (index < 3 ? { kind: 'status', status: 503 } : undefined),
  });
  await using upstream = new OpenAiUpstream({
    ...common,
    baseUrl: model.baseUrl,
    apiKey: 'k',
    clock: systemClock,
    backoff: { firstMs: 1, maxMs: 1 },
  });
  const { signal } = new AbortController();
  await expect(upstream.chat({ ...ask, retryMs: 0 }, signal)).rejects.toThrow(
    'gave no answer in 1 tries; the last: status 503',
  );
  expect(upstream.answered).toBe(false);
  const answer = await upstream.chat({ ...ask, retryMs: 60_000 }, signal);
  for await (const _ of answer.body);
  expect([answer.status, upstream.answered, model.requests.length]).toEqual([200, true, 4]);
});

it.each(['', 'api.example.org/v1', 'ftp://example.org'])('refuses the base URL %j', (baseUrl) => {
  const options = { ...common, baseUrl, apiKey: 'k', clock: systemClock };
  expect(() => new OpenAiUpstream(options)).toThrow('expected http(s)://');
});
