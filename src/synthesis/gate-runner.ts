import type { RunPlan } from '../rollouts/gates/gate-runs.ts';
import type { Runs } from '../rollouts/gates/verdict.ts';
import type { Candidate } from './candidate.ts';

export interface GateReport {
  readonly runs: Runs;
  /** What the verifier said in each run, a line a rollout, for those who mend it. */
  readonly notes: readonly string[];
}

/**
 * Runs agents on a candidate in sandboxes: locally by the engine, in a cluster by RolloutBatches. Runs
 * are named by record and task digest: what was run before is not run again.
 */
export interface GateRunner {
  run(
    candidate: Candidate,
    plans: readonly RunPlan[],
    /** Unique among the runs of a candidate. */
    label: string,
    signal: AbortSignal,
  ): Promise<GateReport>;
}
