import { describe, expect, it, test } from 'vitest';
import { type Fault, startScriptedModel } from '../../test/support/scripted-model-server.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { OpenAiUpstream } from '../gateway/openai-upstream.ts';
import { redactKeys } from '../gateway/redact-keys.ts';
import type { Upstream } from '../gateway/upstream.ts';
import { checkUpstreams, type UpstreamCheck } from './check-upstreams.ts';
import { publicAddress } from './open-model.ts';

const KEY = 'secret-of-mine';
const { signal } = new AbortController();

function checkOf(baseUrl: string, over: Partial<UpstreamCheck> = {}): UpstreamCheck {
  const upstream: Upstream = new OpenAiUpstream({
    name: 'm',
    baseUrl,
    apiKey: KEY,
    clock: systemClock,
    random: () => 0,
    logger: silentLogger,
    backoff: { firstMs: 1, maxMs: 5 },
  });
  const redact = (text: string) => redactKeys(text, KEY);
  const endpoint = { address: publicAddress(baseUrl), keyFrom: 'MY_KEY', redact };
  return { arm: 'pi', model: 'm', sampling: { temperature: 0.5 }, upstream, endpoint, ...over };
}

/** Asks a server that fails so; undefined where the check passed. */
async function ask(fault: (index: number) => Fault | undefined, retryMs = 100) {
  await using model = await startScriptedModel({
    script: () => ({ content: 'Ready.' }),
    fault: ({ index }) => fault(index),
  });
  const check = checkOf(model.baseUrl);
  const error = await checkUpstreams([check, { ...check, arm: 'other' }], {
    logger: silentLogger,
    signal,
    retryMs,
  }).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  return { error, model, answered: check.upstream.answered };
}

const status = (code: number, message = 'no'): Fault => ({
  kind: 'status',
  status: code,
  body: JSON.stringify({ error: { message } }),
});

describe('before a run', () => {
  it('asks an endpoint once, for one token, with the run’s sampling', async () => {
    const { error, model, answered } = await ask(() => undefined);
    expect([error, answered]).toEqual([undefined, true]);
    expect(model.requests.map(({ chat }) => chat)).toEqual([
      {
        model: 'm',
        messages: [{ role: 'user', content: 'Answer with one word: ready?' }],
        max_tokens: 1,
        temperature: 0.5,
      },
    ]);
  });

  it('asks plainly where so small an answer is refused', async () => {
    const { error, model } = await ask((index) => (index === 0 ? status(400) : undefined));
    expect(error).toBeUndefined();
    expect(model.requests.map(({ chat }) => [chat['max_tokens'], chat.stream])).toEqual([
      [1, undefined],
      [undefined, true],
    ]);
  });

  it('waits for an endpoint that is not ready yet', async () => {
    const { error, model } = await ask((index) => (index < 3 ? status(503) : undefined), 60_000);
    expect([error, model.requests.length]).toEqual([undefined, 4]);
  });

  test.each<[string, Fault, RegExp]>([
    [
      'a key',
      status(401, `Incorrect API key provided: ${KEY}, or sk-abcd****wxyz.`),
      /^arm pi: the model endpoint http:\/\/127\.0\.0\.1:\d+\/v1 \(model m, key from MY_KEY\) refused the call with status 401: "Incorrect API key provided: \[key\], or \[key\]".*check the key \(--api-key-env/,
    ],
    [
      'a model',
      status(404, 'The model `m` does not exist'),
      /`m` does not exist.*check --model and/,
    ],
    ['a region', status(403), /status 403: "no".*check the key .* and --model/],
    ['the sampling', status(400, 'temperature'), /400: "temperature".*the sampling that the run/],
    ['a page in place of a model', status(302), /status 302.*--base-url/],
    ['control characters', status(401, 'a\u001b[31mb'), /"a\\u\{1b\}\[31mb"/],
    ['a down server', status(503, 'overloaded'), /no answer.*status 503.*overloaded.*the endpoint/],
    ['a limit', status(429, 'quota'), /gave no answer.*status 429.*quota/],
    [
      'credit that is used up',
      { kind: 'status', status: 429, body: '{"error":{"code":"insufficient_quota"}}' },
      /status 429.*check the credit of the account/,
    ],
    ['a reset', { kind: 'reset' }, /gave no answer/],
    ['a website', { kind: 'status', status: 200, body: '<html>' }, /else than a chat.*"<html>"/],
  ])('%s stops the run and says what to check', async (_name, fault, message) => {
    const { error } = await ask(() => fault);
    expect(error).toMatchObject({ code: 'UpstreamFailed' });
    expect(error?.message).toMatch(message);
    expect(error?.message).not.toContain(KEY);
  });

  it('is stopped by the user at once', async () => {
    const stop = new AbortController();
    await using model = await startScriptedModel({
      script: () => ({ content: 'Ready.' }),
      fault: () => ({ kind: 'stall' }),
    });
    const options = { logger: silentLogger, signal: stop.signal };
    const asking = checkUpstreams([checkOf(model.baseUrl)], options);
    await model.arrived(1);
    stop.abort(new Error('stopped'));
    await expect(asking).rejects.toThrow('stopped');
  });
});

test.each([
  ['http://user:pw@host:1/v1/?key=k#x', 'http://host:1/v1'],
  ['https://host', 'https://host'],
])('the address of %s is shown as %s', (url, shown) => {
  expect(publicAddress(url)).toBe(shown);
});
