import type { GateRun } from './gate-runs.ts';

/** What is known of a task before any agent has run. */
export interface TaskFacts {
  readonly agentCode: 'none' | 'child' | 'in-process' | 'unknown';
  readonly hasSolution: boolean;
  readonly hasVerifier: boolean;
  /** Errors of the static gate (G0), as `CODE: sentence`. */
  readonly problems: readonly string[];
}

/** What the gates read of one rollout; scores that are missing are null. */
export interface Line {
  readonly sample: number;
  /** Absent while the rollout is undecided. */
  readonly outcome?: string | undefined;
  readonly reason: string;
  readonly flat: number | null;
  readonly final: number | null;
  /** Equal for identical verdicts. */
  readonly checks: string;
  readonly allZero: boolean;
  /** Codes of the findings. */
  readonly findings: readonly string[];
}

/** A gate's answer in the form of a condition without its type. */
export interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

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
