import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import type { Parsed } from './extract-json.ts';

const zCompletion = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        message: z.looseObject({ content: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z
    .looseObject({
      prompt_tokens: z.int().min(0).nullish(),
      completion_tokens: z.int().min(0).nullish(),
    })
    .nullish(),
});

export interface CompletionText {
  readonly text: Parsed<string>;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The text of a chat completion; a cut-off answer is none. Tokens are 0 where none are told. */
export function completionText(body: Uint8Array): CompletionText {
  const parsed = zCompletion.safeParse(jsonOf(body));
  if (!parsed.success) {
    const text = { ok: false, problem: 'the endpoint answered with no chat completion' } as const;
    return { text, inputTokens: 0, outputTokens: 0 };
  }
  const { choices, usage } = parsed.data;
  return {
    text: textOf(choices[0]),
    inputTokens: usage?.prompt_tokens ?? 0,
    outputTokens: usage?.completion_tokens ?? 0,
  };
}

function textOf(
  choice: z.infer<typeof zCompletion>['choices'][number] | undefined,
): Parsed<string> {
  if (choice?.finish_reason === 'length')
    return { ok: false, problem: 'it was cut off before its end; answer shorter' };
  const content = choice?.message.content ?? '';
  return content.trim() === ''
    ? { ok: false, problem: 'it is empty' }
    : { ok: true, value: content };
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
