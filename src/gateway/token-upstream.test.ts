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
function endpoint(answer: unknown, status = 200, ...later: readonly unknown[]) {
  const asked: unknown[] = [];
  const answers = [answer, ...later];
  const upstream: Upstream = {
    name: 'policy',
    chat: (ask: UpstreamRequest) => {
      asked.push(parseJson(new TextDecoder().decode(ask.body)));
      const said = answers[Math.min(asked.length, answers.length) - 1];
      const body = (async function* () {
        yield new TextEncoder().encode(typeof said === 'string' ? said : JSON.stringify(said));
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
        finish: 'tool_calls',
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
      finish: 'tool_calls',
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

  const [CHOICE] = ANSWER.choices;
  const message = { ...CHOICE?.message, content: [{ type: 'text', text: 'Now.', token_ids: [4] }] };
  it.each<[string, unknown]>([
    ['a stream that nobody asked for', 'data: {"token_ids":[4,5]}\n\ndata: [DONE]\n\n'],
    ['an error with status 200', { error: { message: 'out of memory' }, prompt_token_ids: [1] }],
    ['no choices', { ...ANSWER, choices: [] }],
    ['content in parts', { ...ANSWER, choices: [{ ...CHOICE, message }] }],
    ['a choice without a message', { ...ANSWER, choices: [{ ...CHOICE, message: undefined }] }],
    ['a list', [ANSWER]],
    ['half an answer', JSON.stringify(ANSWER).slice(0, -20)],
    ['depths without end', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
  ])('whose answer is %s has failed: nothing of it reaches the agent', async (_, answer) => {
    const { upstream } = endpoint(answer);
    const ask = { body: Buffer.from('{}'), accept: 'application/json' };
    await expect(upstream.chat(ask, new AbortController().signal)).rejects.toMatchObject({
      code: 'UpstreamFailed',
      message: expect.stringContaining('no chat completion') as unknown,
    });
    const again = endpoint(answer, 200, ANSWER);
    await using fixture = await gatewayFixture({ upstream: again.upstream });
    expect(assembleAnswer((await fixture.ask(PLAIN)).bytes, 'application/json')).toMatchObject({
      content: 'Now.',
    });
    expect(again.asked).toHaveLength(2);
    expect(await recordedTokens(fixture)).toMatchObject({ completionIds: [4, 5] });
  });

  it('hides tokens wherever an engine puts them, and odd asides refuse no answer', async () => {
    const choices = ANSWER.choices.map((choice) => ({
      ...choice,
      meta_info: { output_token_ids: [4, 5] },
      prompt_logprobs: [{ 4: { logprob: -1 } }],
      message: { ...choice.message, token_ids: [4, 5], output_token_ids: [4, 5] },
    }));
    const usage = { ...ANSWER.usage, prompt_token_ids: [1] };
    const { upstream } = endpoint({ ...ANSWER, id: 7, created: '7', choices, usage });
    await using fixture = await gatewayFixture({ upstream });
    const answer = await fixture.ask(PLAIN);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('Now.');
    expect(answer.text).not.toMatch(/token_ids|meta_info|policy_version|logprob"|_logprobs/);
    expect(await recordedTokens(fixture)).toMatchObject({ completionIds: [4, 5] });
  });
});
