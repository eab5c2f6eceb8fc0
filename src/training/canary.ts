import { request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';

/** A question and the ids that a model answers greedily: the same weights give them again. */
export interface Canary {
  readonly prompt: string;
  readonly ids: readonly number[];
}

/** A policy server that answers already. */
export interface AnsweringServer {
  /** Up to /v1. */
  readonly baseUrl: string;
  /** Name that it serves the model under. */
  readonly name: string;
  /** Bearer that it wants; absent: none. */
  readonly key?: string | undefined;
}

const ANSWER_MS = 120_000;
const zAnswer = z.object({
  choices: z.array(z.looseObject({ token_ids: z.array(z.int().min(0)) })).min(1),
});

/** The ids that the server's model answers greedily, at most `tokens` of them. */
export async function askCanary(
  { baseUrl, name, key }: AnsweringServer,
  prompt: string,
  tokens: number,
): Promise<readonly number[]> {
  const response = await request(`${baseUrl}/chat/completions`, {
    method: 'POST',
    signal: AbortSignal.timeout(ANSWER_MS),
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({
      model: name,
      messages: [{ role: 'user', content: prompt }],
      temperature: 0,
      max_tokens: tokens,
      return_token_ids: true,
    }),
  });
  const text = await response.body.text();
  if (response.statusCode !== 200) {
    throw new ClawError(
      'UpstreamFailed',
      `model ${name} refused its canary with status ${response.statusCode}: ${text.slice(0, 300)}`,
    );
  }
  return zAnswer.parse(parseJson(text)).choices[0]?.token_ids ?? [];
}

/** Throws `UpstreamFailed` where the served model is not the one that the canary was recorded of. */
export async function checkCanary(server: AnsweringServer, canary: Canary): Promise<void> {
  const problem = await canaryProblem(server, canary);
  if (problem !== undefined) throw new ClawError('UpstreamFailed', problem);
}

/** How the served model's answer differs from the recorded one; undefined where it does not. */
export async function canaryProblem(
  server: AnsweringServer,
  { prompt, ids }: Canary,
): Promise<string | undefined> {
  const said = await askCanary(server, prompt, ids.length);
  if (said.length === ids.length && ids.every((id, at) => said[at] === id)) return undefined;
  return `model ${server.name} is not what its record says: its canary was answered with the ids ${said.join(' ') || 'none'}, expected ${ids.join(' ')}; the weights, the chat template or the libraries of the server differ`;
}
