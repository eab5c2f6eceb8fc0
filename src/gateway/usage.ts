import type { CallRow } from '../store/records.ts';

/** Tokens and calls of an attempt, as its upstream reported them. */
export interface AttemptUsage {
  /** Calls that were opened, answered or not. */
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Finished calls whose answer named no usage: the sums are then a lower bound. */
  readonly callsWithoutUsage: number;
  /** Calls that the gateway ended for a used-up budget: one is enough for `budget_exhausted`. */
  readonly budgetEnds: number;
}

/** Sums the rows of one attempt. Budget ends are our own answers and cost nothing. */
export function sumUsage(rows: readonly CallRow[]): AttemptUsage {
  let inputTokens = 0;
  let outputTokens = 0;
  let callsWithoutUsage = 0;
  let budgetEnds = 0;
  for (const { finish } of rows) {
    if (finish?.result === 'budget') budgetEnds += 1;
    if (finish === undefined || finish.result === 'budget') continue;
    inputTokens += finish.inputTokens ?? 0;
    outputTokens += finish.outputTokens ?? 0;
    if (finish.inputTokens === undefined && finish.outputTokens === undefined)
      callsWithoutUsage += 1;
  }
  return { calls: rows.length, inputTokens, outputTokens, callsWithoutUsage, budgetEnds };
}
