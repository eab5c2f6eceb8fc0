import { describe, expect, it } from 'vitest';
import { gatewayFixture, onlyCall, PLAIN, STREAM } from '../../test/support/gateway-fixture.ts';
import { isRecord, parseJson } from '../base/brand.ts';
import { assembleAnswer } from '../trajectories/assistant-message.ts';
import { TokenUpstream } from './token-upstream.ts';
import type { Upstream, UpstreamRequest } from './upstream.ts';

const ANSWER = {
  id: 'cmpl-1',
  object: 'chat.completion',
  created: 7,
  model: 'policy',
  policy_version: 3,
  prompt_token_ids: [1, 2, 3],
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      token_ids: [4, 5],
      logprobs: {
        content: [
          { token: 'a', logprob: -0.5 },
          { token: 'b', logprob: -1 },
        ],
      },
      message: {
        role: 'assistant',
        content: 'Now.',
        reasoning_content: 'Hm.',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'ls', arguments: '{}' } }],
      },
    },
  ],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

/** An endpoint with one answer; keeps what it was asked. */
function endpoint(answer: unknown, status = 200) {
  const asked: unknown[] = [];
  const upstream: Upstream = {
    name: 'policy',
    chat: (ask: UpstreamRequest) => {
      asked.push(parseJson(new TextDecoder().decode(ask.body)));
      const body = (async function* () {
        yield new TextEncoder().encode(JSON.stringify(answer));
      })();
      return Promise.resolve({ status, headers: { 'content-type': 'application/json' }, body });
    },
  };
  return { asked, upstream: new TokenUpstream(upstream) };
}

async function recordedTokens(fixture: Awaited<ReturnType<typeof gatewayFixture>>) {
  const { finish } = await onlyCall(fixture);
  const digest = finish?.tokens;
  return digest && parseJson(Buffer.from(await fixture.artifacts.read(digest)).toString());
}

describe('an endpoint that is asked for tokens', () => {
  it.each([
    ['a stream', STREAM],
    ['one body', PLAIN],
  ])(
    'gives the agent the same words as %s, without the tokens, and keeps these',
    async (_, body) => {
      const { asked, upstream } = endpoint(ANSWER);
      await using fixture = await gatewayFixture({ upstream });
      const answer = await fixture.ask(body);
      expect(assembleAnswer(answer.bytes, answer.contentType)).toMatchObject({
        content: 'Now.',
        reasoning: 'Hm.',
        toolCalls: [{ id: 'c1', name: 'ls', arguments: '{}' }],
        finishReason: 'tool_calls',
        usage: { inputTokens: 3, outputTokens: 2 },
      });
      expect(answer.text).not.toMatch(/token_ids|policy_version|"logprob"/);
      expect(asked).toEqual([
        expect.objectContaining({ stream: false, logprobs: true, return_token_ids: true }),
      ]);
      expect(asked.some((each) => isRecord(each) && 'stream_options' in each)).toBe(false);
      expect(await recordedTokens(fixture)).toEqual({
        promptIds: [1, 2, 3],
        completionIds: [4, 5],
        logprobs: [-0.5, -1],
        version: 3,
      });
      expect(await onlyCall(fixture)).toMatchObject({
        finish: { inputTokens: 3, outputTokens: 2 },
      });
    },
  );

  it('that gives none leaves none: nothing is made up', async () => {
    const { choices, prompt_token_ids: _ids, policy_version: _version, ...rest } = ANSWER;
    const plain = choices.map(({ token_ids: _tokens, logprobs: _logprobs, ...choice }) => choice);
    const { upstream } = endpoint({ ...rest, choices: plain });
    await using fixture = await gatewayFixture({ upstream });
    expect((await fixture.ask(STREAM)).status).toBe(200);
    expect(await recordedTokens(fixture)).toBeUndefined();
  });

  it('that gives ids without a version or log-probabilities is recorded as it is', async () => {
    const { policy_version: _version, ...rest } = ANSWER;
    const choices = ANSWER.choices.map((choice) => ({ ...choice, logprobs: null }));
    const { upstream } = endpoint({ ...rest, choices });
    await using fixture = await gatewayFixture({ upstream });
    await fixture.ask(PLAIN);
    expect(await recordedTokens(fixture)).toEqual({
      promptIds: [1, 2, 3],
      completionIds: [4, 5],
      logprobs: null,
      version: null,
    });
  });

  it('passes a refusal on untouched', async () => {
    const { upstream } = endpoint({ error: { message: 'too long' } }, 400);
    await using fixture = await gatewayFixture({ upstream });
    const answer = await fixture.ask(STREAM);
    expect([answer.status, parseJson(answer.text)]).toEqual([
      400,
      { error: { message: 'too long' } },
    ]);
  });
});
