import { z } from 'zod';
import { isRecord, parseJson } from '../base/brand.ts';
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
}

const zIds = z.array(z.int().min(0)).nullish().catch(null);
const zText = z.string().nullish();
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
  id: zText,
  created: z.number().nullish(),
  model: zText,
  prompt_token_ids: zIds,
  policy_version: z.int().min(0).nullish().catch(null),
  choices: z.array(zChoice).min(1),
  usage: z.looseObject({ prompt_tokens: zCount, completion_tokens: zCount }).nullish(),
});

/** An answer parted into what the agent may see and what is kept for training. */
export interface TokenAnswer {
  /** For an agent that asked for a stream. */
  readonly completion: Completion;
  /** For one that did not: the answer without its tokens. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Undefined where the engine gave neither ids nor log-probabilities. */
  readonly tokens: TokenRecord | undefined;
}

/** Undefined where the bytes are no chat completion: they go to the agent as they are. */
export function readTokenAnswer(bytes: Uint8Array): TokenAnswer | undefined {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const parsed = zAnswer.safeParse(value);
  const choice = parsed.data?.choices[0];
  if (!parsed.success || choice === undefined || !isRecord(value)) return undefined;
  const { data } = parsed;
  const content = choice.logprobs?.content;
  const record = {
    promptIds: data.prompt_token_ids ?? null,
    completionIds: choice.token_ids ?? null,
    logprobs: content?.map(({ logprob }) => logprob) ?? null,
    version: data.policy_version ?? null,
  };
  const said = record.completionIds !== null || record.logprobs !== null;
  return {
    completion: completionOf(data, choice),
    body: withoutTokens(value),
    tokens: said ? record : undefined,
  };
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

function withoutTokens(value: Record<string, unknown>): Readonly<Record<string, unknown>> {
  const {
    prompt_token_ids: _ids,
    prompt_logprobs: _prompt,
    policy_version: _version,
    ...rest
  } = value;
  const choices: readonly unknown[] = Array.isArray(rest['choices']) ? rest['choices'] : [];
  return { ...rest, choices: choices.map(withoutChoiceTokens) };
}

function withoutChoiceTokens(choice: unknown): unknown {
  if (!isRecord(choice)) return choice;
  const { token_ids: _ids, ...rest } = choice;
  return { ...rest, logprobs: null };
}
