import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { Completion, CompletionToolCall } from './render-completion.ts';

/**
 * What an engine tells of one answer beside its text, as vLLM does for `return_token_ids` and
 * `logprobs`. A part that it did not give is null: nothing is ever made up.
 */
export interface TokenRecord {
  readonly promptIds: readonly number[] | null;
  readonly completionIds: readonly number[] | null;
  /** Log-probability of each sampled token, under the distribution that was sampled from. */
  readonly logprobs: readonly number[] | null;
  /** Version of the policy that answered, where the engine says one (`policy_version`). */
  readonly version: number | null;
  /** Why the answer ended (`finish_reason`); `length`: it was cut. */
  readonly finish: string | null;
}

const zIds = z.array(z.int().min(0)).nullish().catch(null);
const zText = z.string().nullish();
/** What is only repeated: an odd one is left out, and refuses no answer. */
const zAside = zText.catch(null);
const zCount = z.int().min(0).nullish();
const zMessage = z.looseObject({
  content: zText,
  reasoning_content: zText,
  reasoning: zText,
  tool_calls: z
    .array(
      z.looseObject({
        id: z.string(),
        function: z.looseObject({ name: z.string(), arguments: z.string() }),
      }),
    )
    .nullish(),
});
const zChoice = z.looseObject({
  message: zMessage,
  finish_reason: zText,
  token_ids: zIds,
  logprobs: z
    .looseObject({ content: z.array(z.looseObject({ logprob: z.number() })).nullish() })
    .nullish()
    .catch(null),
});
const zAnswer = z.looseObject({
  id: zAside,
  created: z.number().nullish().catch(null),
  model: zAside,
  prompt_token_ids: zIds,
  policy_version: z.int().min(0).nullish().catch(null),
  choices: z.array(zChoice).min(1),
  usage: z.looseObject({ prompt_tokens: zCount, completion_tokens: zCount }).nullish(),
});

/** Members in which engines tell of tokens, at any depth of an answer: its words are strings. */
const TOKEN_MEMBER = /(?:^|_)(?:token_ids|logprobs)$|^(?:policy_version|meta_info)$/;

/** An answer parted into what the agent may see and what is kept for training. */
export interface TokenAnswer {
  /** For an agent that asked for a stream. */
  readonly completion: Completion;
  /** For one that did not: the answer without its tokens, as JSON. */
  readonly body: string;
  /** Undefined where the engine gave neither ids nor log-probabilities. */
  readonly tokens: TokenRecord | undefined;
}

/**
 * Throws `UpstreamFailed` where the bytes are no chat completion that can be parted: whole they would show
 * the agent its tokens, or leave a training run without some that nobody misses.
 */
export function readTokenAnswer(bytes: Uint8Array): TokenAnswer {
  const value = jsonOf(bytes);
  const parsed = zAnswer.safeParse(value);
  const choice = parsed.data?.choices[0];
  if (!parsed.success || choice === undefined) throw odd(issueOf(parsed.error));
  const { data } = parsed;
  const content = choice.logprobs?.content;
  const record = {
    promptIds: data.prompt_token_ids ?? null,
    completionIds: choice.token_ids ?? null,
    logprobs: content?.map(({ logprob }) => logprob) ?? null,
    version: data.policy_version ?? null,
    finish: choice.finish_reason ?? null,
  };
  const said = record.completionIds !== null || record.logprobs !== null;
  return {
    completion: completionOf(data, choice),
    body: withoutTokens(value),
    tokens: said ? record : undefined,
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes));
  } catch {
    throw odd('it is no JSON; the endpoint was not asked for a stream');
  }
}

function issueOf(error: z.ZodError | undefined): string {
  const issue = error?.issues[0];
  return issue === undefined
    ? 'no choices'
    : `${issue.path.map(String).join('.')}: ${issue.message}`;
}

/** Another try may go better, as with any answer that broke off; it ends with the call's time. */
function odd(what: string): ClawError {
  const text =
    'the answer cannot be kept with its tokens, since it is no chat completion in the known form';
  return new ClawError(
    'UpstreamFailed',
    `${text} (${what}); for such an endpoint leave out capture`,
    {
      retryable: true,
    },
  );
}

function completionOf(
  { id, created, model, usage }: z.infer<typeof zAnswer>,
  { message, finish_reason: finishReason }: z.infer<typeof zChoice>,
): Completion {
  const toolCalls = (message.tool_calls ?? []).map(
    ({ id: callId, function: { name, arguments: args } }): CompletionToolCall => ({
      id: callId,
      name,
      arguments: args,
    }),
  );
  return {
    id: id ?? 'chatcmpl',
    model: model ?? '',
    created: created ?? 0,
    content: message.content ?? undefined,
    reasoning: message.reasoning_content ?? message.reasoning ?? undefined,
    toolCalls,
    finishReason: finishReason ?? undefined,
    usage: {
      inputTokens: usage?.prompt_tokens ?? 0,
      outputTokens: usage?.completion_tokens ?? 0,
    },
  };
}

function withoutTokens(value: unknown): string {
  const hide = (key: string, member: unknown): unknown => {
    if (!TOKEN_MEMBER.test(key)) return member;
    return key === 'logprobs' ? null : undefined;
  };
  try {
    return JSON.stringify(value, hide);
  } catch {
    throw odd('it is nested too deeply');
  }
}
