import { z } from 'zod';
import { MODEL_LINK_KEY, MODEL_LINK_URL } from './agent.ts';

/** What a real harness must know of the model behind the link; sampling is the gateway's business. */
export const zHarnessModel = z.strictObject({
  /** Tokens of prompt and answer together. */
  contextWindow: z.int().min(1024).default(131_072),
  /** Tokens of one answer; sent with every request. */
  maxTokens: z.int().min(1).default(8_192),
});
export type HarnessModel = z.infer<typeof zHarnessModel>;

/** Name of the one provider in every harness's configuration; harnesses show it in their prompts. */
export const PROVIDER = 'clawgym';

/** Where the read-only installation and the interpreter stand inside the sandbox. */
export const HARNESS_DIR = '/opt/harness';
export const NODE_IN_SANDBOX = '/opt/node/bin/node';

/** Longer than any wait for a model: the link repeats calls itself and the wrapper has the deadline. */
export const IDLE_SECONDS = 3_600;

/** The provider block that OpenClaw and pi share; `compat`: what only one of them knows. */
export function providerBlock(
  model: string,
  { contextWindow, maxTokens }: HarnessModel,
  compat: object,
): object {
  return {
    baseUrl: MODEL_LINK_URL,
    apiKey: MODEL_LINK_KEY,
    api: 'openai-completions',
    models: [
      {
        id: model,
        name: model,
        // Keeps `reasoning_content` of earlier turns in the history: requests stay prefixes.
        reasoning: true,
        input: ['text'],
        cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
        contextWindow,
        maxTokens,
        compat: {
          supportsReasoningEffort: false,
          maxTokensField: 'max_tokens',
          ...compat,
        },
      },
    ],
  };
}
