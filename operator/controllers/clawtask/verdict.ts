import type { RolloutLines, TaskSetAnswer } from '../../../src/protocol/operator-api.ts';
import type { ConditionState } from '../../kube/objects/conditions.ts';
import type { GateRun } from './gates.ts';

/** What the server says of the task. */
export type TaskFacts = TaskSetAnswer['tasks'][number];
export type Line = RolloutLines[number];

/** A gate's answer without its place. */
export type Verdict = Pick<ConditionState, 'status' | 'reason' | 'message'>;

/** Rows of a gate run in sample order, or why there are none yet. */
export type RunRows =
  | { readonly kind: 'rows'; readonly rows: readonly Line[]; readonly place: string }
  | { readonly kind: 'waiting'; readonly verdict: Verdict };

/** What the runs of one task gave; a run that the task does not need is absent. */
export type Runs = Readonly<Partial<Record<GateRun, RunRows>>>;

/** Scores are sums of binary fractions. */
export const TOLERANCE = 1e-9;

export const passed = (message: string): Verdict => ({ status: 'True', reason: 'Passed', message });
export const failed = (reason: string, message: string): Verdict => ({
  ...{ status: 'False', reason, message },
});
export const unknown = (reason: string, message: string): Verdict => ({
  ...{ status: 'Unknown', reason, message },
});

export const shown = (score: number | null): string =>
  score === null || !Number.isFinite(score) ? 'unknown' : String(Number(score.toFixed(4)));
