import type { TokenCall } from './token-call.ts';

/** Version of tokens that no policy sampled: prompts, tool results. */
export const ENVIRONMENT = -1;

/** A run of tokens that one context saw: a segment of a rollout. The four arrays are equally long. */
export interface TokenRow {
  readonly ids: readonly number[];
  /** 1: sampled by the policy, to be trained. */
  readonly mask: readonly (0 | 1)[];
  /** 0 where the mask is 0. */
  readonly logp: readonly number[];
  /** `ENVIRONMENT` where the mask is 0. */
  readonly version: readonly number[];
  /** Calls whose completions are trained in the row, in order. */
  readonly calls: readonly string[];
}

interface OpenRow {
  ids: number[];
  mask: (0 | 1)[];
  logp: number[];
  version: number[];
  calls: string[];
}

/**
 * Merges the calls of one attempt, in order of arrival, by exact token prefix: a call whose prompt
 * begins with everything that a row holds goes on with it, and any other opens a new row. So what is
 * trained was sampled under exactly the tokens before it, and drift (a history that is tokenised
 * anew) shows as more rows, never as a wrong ratio.
 *
 * An answer that was cut at its length limit is context of what followed and is not trained: a policy
 * would learn from its score to stop anywhere. What follows the last trained token of a row is left out.
 */
export function tokenRows(calls: readonly TokenCall[]): readonly TokenRow[] {
  const rows: OpenRow[] = [];
  for (const call of withoutRetries(calls)) {
    const known = rows.findLast(({ ids }) => startsWith(call.promptIds, ids));
    const row = known ?? { ids: [], mask: [], logp: [], version: [], calls: [] };
    if (known === undefined) rows.push(row);
    addContext(row, call.promptIds.slice(row.ids.length));
    if (call.cut === true) addContext(row, call.completionIds);
    else addSampled(row, call);
  }
  return rows.map(untilLastTrained).filter(({ ids }) => ids.length > 0);
}

function untilLastTrained({ ids, mask, logp, version, calls }: OpenRow): TokenRow {
  const end = mask.lastIndexOf(1) + 1;
  const upTo = <T>(values: readonly T[]): readonly T[] => values.slice(0, end);
  return { ids: upTo(ids), mask: upTo(mask), logp: upTo(logp), version: upTo(version), calls };
}

/**
 * Of calls with the same prompt only the one that the agent went on with, else the last: an answer
 * that was thrown away earned no reward.
 */
export function withoutRetries(calls: readonly TokenCall[]): readonly TokenCall[] {
  const byPrompt = Map.groupBy(calls, ({ promptIds }) => promptIds.join());
  const kept = new Set<TokenCall>();
  for (const same of byPrompt.values()) {
    const wentOn = same.findLast((call) => {
      const whole = [...call.promptIds, ...call.completionIds];
      return calls.some(({ promptIds }) => startsWith(promptIds, whole));
    });
    const keep = wentOn ?? same.at(-1);
    if (keep !== undefined) kept.add(keep);
  }
  return calls.filter((call) => kept.has(call));
}

function addContext(row: OpenRow, ids: readonly number[]): void {
  for (const id of ids) {
    row.ids.push(id);
    row.mask.push(0);
    row.logp.push(0);
    row.version.push(ENVIRONMENT);
  }
}

function addSampled(row: OpenRow, { callId, completionIds, logprobs, version }: TokenCall): void {
  for (const [index, id] of completionIds.entries()) {
    row.ids.push(id);
    row.mask.push(1);
    row.logp.push(logprobs[index] ?? Number.NaN);
    row.version.push(version);
  }
  row.calls.push(callId);
}

function startsWith(ids: readonly number[], prefix: readonly number[]): boolean {
  return ids.length >= prefix.length && prefix.every((id, index) => ids[index] === id);
}
