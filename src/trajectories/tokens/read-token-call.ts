import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { CallRow } from '../../store/records.ts';
import { type TokenCall, type TokenProblem, tokenProblem } from './token-call.ts';

/** OpenAI's word for an answer that came to its length limit. */
const CUT = 'length';
const zIds = z.array(z.number()).nullable();
/** As the gateway writes it; null: the engine did not say. */
const zTokenRecord = z.object({
  promptIds: zIds,
  completionIds: zIds,
  logprobs: zIds,
  version: z.number().nullable(),
  /** Records of earlier releases have none. */
  finish: z.string().nullish(),
});

/**
 * The tokens of a recorded call, or why it cannot be trained on.
 *
 * @param version of the policy, where the engine itself did not say one
 */
export async function readTokenCall(
  { callId, finish }: Pick<CallRow, 'callId' | 'finish'>,
  artifacts: Pick<ArtifactStore, 'read'>,
  version?: number,
): Promise<TokenCall | TokenProblem> {
  if (finish?.result !== 'complete' || finish.tokens === undefined) return 'noTokens';
  const bytes = await artifacts.read(finish.tokens);
  const record = zTokenRecord.parse(parseJson(new TextDecoder().decode(bytes)));
  const { promptIds, completionIds, logprobs } = record;
  const said = record.version ?? version;
  if (promptIds === null || completionIds === null || logprobs === null) return 'noTokens';
  if (said === undefined) return 'noVersion';
  const cut = record.finish === CUT;
  const call = { callId, promptIds, completionIds, logprobs, version: said, cut };
  return tokenProblem(call) ?? call;
}
