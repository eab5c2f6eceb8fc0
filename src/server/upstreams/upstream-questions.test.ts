import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { beforeEach, describe, expect, it, onTestFinished, test } from 'vitest';
import { type KeptLine, lineLogger } from '../../../test/support/keeping-logger.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import {
  type Fault,
  type ScriptedModelServer,
  startScriptedModel,
} from '../../../test/support/scripted-model-server.ts';
import {
  OneSecret,
  questionsOf,
  secretAddress,
  TEST_HOST,
} from '../../../test/support/secret-endpoints.ts';
import { systemClock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { makeAuthority, makeServing } from '../tls/certificates.ts';
import type { AskedModel, UpstreamQuestions } from './upstream-questions.ts';

const KEY = 'k3y/of"the+test';
const ASKED: AskedModel = {
  ...{ namespace: 'team-a', secret: 'gpt', model: 'm', sampling: { temperature: 0.5 } },
  tokens: false,
};
const BOUNDS = { retryMs: 50, answerMs: 5000 };

let secret: OneSecret;
let clock: ManualClock;
let lines: KeptLine[];
let stop: AbortController;

beforeEach(() => {
  secret = new OneSecret();
  clock = new ManualClock();
  lines = [];
  stop = new AbortController();
});

function open(bounds: object = BOUNDS, own = clock as typeof systemClock): UpstreamQuestions {
  onTestFinished(() => stop.abort(new ClawError('Cancelled', 'over')));
  const logger = lineLogger(lines);
  return questionsOf({ secrets: secret, clock: own, logger, signal: stop.signal, bounds });
}

async function model(fault: (index: number) => Fault | undefined): Promise<ScriptedModelServer> {
  const server = await startScriptedModel({
    script: () => ({ content: 'Ready.' }),
    fault: ({ index }) => fault(index),
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function say(baseURL: string, apiKey = KEY): void {
  secret.fields = { baseURL, apiKey };
}

const status = (code: number, message: string): Fault => ({
  ...{ kind: 'status', status: code },
  body: JSON.stringify({ error: { message } }),
});
/** Once something else than "being asked" is known. */
const known = (questions: UpstreamQuestions) =>
  expect.poll(() => {
    const hold = questions.look(ASKED);
    return hold?.reason === 'AskingModel' ? 'asking' : (hold ?? 'answers');
  });

describe('before a run', () => {
  it('an endpoint is asked once for one token, and not again while its answer is young', async () => {
    const server = await model(() => undefined);
    say(secretAddress(server.baseUrl));
    const questions = open();
    expect(questions.look(ASKED)).toMatchObject({
      reason: 'AskingModel',
      message: expect.stringContaining('Secret team-a/gpt (model m)') as unknown,
    });
    expect(questions.look(ASKED)).toMatchObject({ reason: 'AskingModel' });
    await known(questions).toBe('answers');
    clock.advance(29_000);
    expect(questions.look(ASKED)).toBeUndefined();
    expect(server.requests.map(({ chat }) => [chat['max_tokens'], chat['temperature']])).toEqual([
      [1, 0.5],
    ]);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    // Its Secret is read again then, and it is asked no second time.
    clock.advance(1000);
    expect(questions.look(ASKED)).toMatchObject({ reason: 'AskingModel' });
    await known(questions).toBe('answers');
    expect([secret.reads, server.requests.length]).toEqual([2, 1]);
    clock.advance(600_000);
    await known(questions).toBe('answers');
    expect(server.requests).toHaveLength(2);
  });

  it('another model of the same Secret is another question', async () => {
    const server = await model(() => undefined);
    say(secretAddress(server.baseUrl));
    const questions = open();
    await known(questions).toBe('answers');
    expect(questions.look({ ...ASKED, model: 'other' })).toMatchObject({ reason: 'AskingModel' });
  });

  it('a corrected Secret is asked at once, an unchanged one after a while', async () => {
    const server = await model((index) => (index < 2 ? status(401, `no ${index}`) : undefined));
    say(secretAddress(server.baseUrl), 'wrong');
    const questions = open();
    await known(questions).toMatchObject({ reason: 'UpstreamRefused' });
    clock.advance(5000);
    questions.look(ASKED);
    await expect.poll(() => secret.reads).toBe(2);
    await known(questions).toMatchObject({ reason: 'UpstreamRefused' });
    expect(server.requests).toHaveLength(1);
    clock.advance(25_000);
    // What it said last stands while it is asked.
    expect(questions.look(ASKED)).toMatchObject({ reason: 'UpstreamRefused' });
    await expect.poll(() => questions.look(ASKED)?.message).toContain('"no 1"');
    say(secretAddress(server.baseUrl));
    clock.advance(5000);
    await known(questions).toBe('answers');
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      ...['Bearer wrong', 'Bearer wrong', `Bearer ${KEY}`],
    ]);
  });

  it('a Secret that is not there is named, and asked once it is', async () => {
    const server = await model(() => undefined);
    const questions = open();
    await known(questions).toMatchObject({
      reason: 'UpstreamUnfit',
      message: expect.stringContaining('Secret team-a/gpt does not exist; create it') as unknown,
    });
    say(secretAddress(server.baseUrl));
    clock.advance(5000);
    await known(questions).toBe('answers');
  });

  it('an API server that is away refuses nothing', async () => {
    const server = await model(() => undefined);
    say(secretAddress(server.baseUrl));
    const { get } = secret;
    secret.get = async () => {
      throw new ClawError('ClusterUnavailable', 'no answer', { retryable: true });
    };
    const questions = open();
    await expect
      .poll(() => questions.look(ASKED)?.message)
      .toMatch(/nothing starts before it has answered: no answer$/);
    expect(questions.look(ASKED)).toMatchObject({ reason: 'AskingModel' });
    secret.get = get;
    clock.advance(5000);
    await known(questions).toBe('answers');
  });
});

const TAIL = /; the run goes on by itself once the endpoint answers$/;

/** What is said where the endpoint does so; the clock runs. */
async function refusal(bounds: object = BOUNDS): Promise<string> {
  const questions = open(bounds, systemClock);
  await known(questions).toMatchObject({ reason: 'UpstreamRefused' });
  const { message = '' } = questions.look(ASKED) ?? {};
  expect(message).toMatch(/^the model endpoint of Secret team-a\/gpt \(model m\) /);
  expect(message).toMatch(TAIL);
  const said = JSON.stringify([message, lines]);
  for (const spelling of [KEY, JSON.stringify(KEY).slice(1, -1), encodeURIComponent(KEY)])
    expect(said).not.toContain(spelling);
  return message;
}

describe('a refusal names the Secret, what came, and what to do', () => {
  test.each<[string, Fault, RegExp]>([
    [
      'a wrong key',
      status(401, `Incorrect API key: ${KEY}`),
      /refused the call with status 401: "Incorrect API key: \[key\]"\. .*check apiKey of the Secret;/,
    ],
    [
      'a key without the right',
      status(403, 'no'),
      /status 403: "no".*apiKey of the Secret and the name of the model/,
    ],
    [
      'an unknown model',
      status(404, 'The model `m` does not exist'),
      /status 404: "The model `m` does not exist".*the name of the model .* and baseURL of the Secret/,
    ],
    ['the sampling', status(400, 'temperature'), /status 400: "temperature".*the sampling/],
    [
      'a server that fails and quotes the key',
      status(500, `cannot check ${encodeURIComponent(KEY)}`),
      /gave no answer: ".*status 500.*cannot check \[key\].*baseURL of the Secret and the endpoint/,
    ],
    ['a website', { kind: 'status', status: 200, body: '<html>' }, /else than a chat.*"<html>"/],
  ])('%s', async (_name, fault, words) => {
    const server = await model(() => fault);
    say(secretAddress(server.baseUrl));
    expect(await refusal()).toMatch(words);
  });

  test('no answer in time', async () => {
    const server = await model(() => ({ kind: 'stall' }));
    say(secretAddress(server.baseUrl));
    expect(await refusal({ answerMs: 50 })).toMatch(/gave no answer: ".*timeout.*the endpoint/);
  });

  test('a name that leads nowhere', async () => {
    say('http://nowhere.test/v1');
    expect(await refusal()).toMatch(/gave no answer: ".*ENOTFOUND nowhere\.test.*baseURL/);
  });

  test('a refused connection', async () => {
    const closed = createTcp();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    say(`http://${TEST_HOST}:${port}/v1`);
    expect(await refusal()).toMatch(/gave no answer: ".*ECONNREFUSED.*baseURL/);
  });

  test('a certificate of nobody', async () => {
    const authority = await makeAuthority(Date.now(), 3_600_000);
    const { certificate: cert, key } = await makeServing(
      ...([authority, [TEST_HOST], Date.now(), 3_600_000] as const),
    );
    const server = createServer({ cert, key });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    say(`https://${TEST_HOST}:${port}/v1`);
    expect(await refusal()).toMatch(/gave no answer: ".*certificate.*baseURL/);
  });
});
