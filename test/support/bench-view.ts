import { planBench } from '../../operator/controllers/benchrun/plan.ts';
import { benchStatus } from '../../operator/controllers/benchrun/status.ts';
import type { BatchStatus } from '../../operator/controllers/shared/kinds.ts';
import { type BenchResultsAnswer, zBenchResultsAnswer } from '../../src/protocol/operator-api.ts';
import { armBatchOf, benchOf, NOW } from './run-objects.ts';
import { DIGEST } from './sample-objects.ts';

const arm = (name: string, more: object = {}) => ({
  ...{ name, planned: 6, decided: 6, outcomes: { scored: 6 }, tokens: 0, seconds: 12 },
  ...more,
});
export const answerOf = (results: boolean): BenchResultsAnswer =>
  zBenchResultsAnswer.parse({
    ...(results ? { results: DIGEST } : {}),
    arms: [
      arm('nop', { score: '0.0000', coverage: '1.0000', outcomes: { scored: 5, undecided: 1 } }),
      arm('lazy', { score: '0.1040', scoreLow: '0.0500', scoreHigh: '0.1600', coverage: '0.9833' }),
    ],
  });

export interface Given {
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
  readonly batches?: readonly (readonly [string, unknown])[];
  readonly answer?: BenchResultsAnswer;
  readonly trouble?: { readonly reason: string; readonly message: string };
}

/** A bench with batches and what the server says of them, and the status that comes of it. */
export function given({ spec, status, batches = [], answer, trouble }: Given) {
  const bench = benchOf(spec, status);
  const children = batches.map(([name, batch]) => armBatchOf(bench, name, batch as BatchStatus));
  const plan = planBench(bench, children, NOW);
  const next = benchStatus({ bench, plan, answer, trouble }, NOW);
  return { bench, next };
}

export const both = (status: unknown) =>
  [
    ['nop', status],
    ['lazy', status],
  ] as const;
