/**
 * One model call in tokens, as the engine that sampled it told them (vLLM: `return_token_ids`,
 * `logprobs`). Nothing here is ever tokenised by us: only integers that came from the engine move.
 */
export interface TokenCall {
  readonly callId: string;
  readonly promptIds: readonly number[];
  readonly completionIds: readonly number[];
  /** Log-probability of each completion id under the distribution that was sampled from. */
  readonly logprobs: readonly number[];
  /** Version of the policy that answered, from 0. */
  readonly version: number;
  /** The answer came to its length limit; it is never trained on. Absent: it ended by itself. */
  readonly cut?: boolean;
}

/** Why a call cannot be trained on. */
export type TokenProblem =
  | 'noTokens'
  | 'noVersion'
  | 'lengthMismatch'
  | 'notFinite'
  | 'badId'
  | 'empty';

/**
 * Undefined where the call can be trained on. A missing log-probability is never filled in: the ratio
 * of the loss would be silently wrong.
 */
export function tokenProblem(call: TokenCall): TokenProblem | undefined {
  const { promptIds, completionIds, logprobs } = call;
  if (completionIds.length === 0 || promptIds.length === 0) return 'empty';
  if (logprobs.length !== completionIds.length) return 'lengthMismatch';
  if (!logprobs.every((value) => Number.isFinite(value) && value <= 0)) return 'notFinite';
  return [promptIds, completionIds].every((ids) => ids.every(isTokenId)) ? undefined : 'badId';
}

const isTokenId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < 2 ** 31;
