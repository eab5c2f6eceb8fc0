/** A reinforcement run with everything resolved: what the coordinator decides by. */
export interface RlRun {
  /** Unique in its store: its batches are named after it. */
  readonly name: string;
  /** Fixes the order of the tasks. */
  readonly seed: number;
  /** Synchronous on-policy steps; each samples with the newest policy. */
  readonly steps: number;
  /** Ids of the tasks that groups are drawn from, in the order of the set. */
  readonly tasks: readonly string[];
  readonly groups: RlGroups;
  readonly evaluate: RlEvaluation | undefined;
  /** Starts of the trainer after ends that another try may mend. */
  readonly trainerRetries: number;
}

export interface RlGroups {
  /** Groups of a step: different tasks. */
  readonly perStep: number;
  /** Rollouts of a group. */
  readonly samples: number;
  /** A group with fewer rewards teaches nothing. */
  readonly minSamples: number;
}

export interface RlEvaluation {
  /** After every so many steps. */
  readonly every: number;
  readonly tasks: readonly string[];
  readonly samples: number;
}

/** A RolloutBatch that the coordinator asks for; the same name always means the same rollouts. */
export interface WantedBatch {
  readonly name: string;
  readonly kind: 'step' | 'evaluation';
  /** From 1. */
  readonly step: number;
  readonly tasks: readonly string[];
  readonly samples: number;
  /** The one policy version that answers all its calls; 0 is the base. */
  readonly policyVersion: number;
}

/** Name of a batch within its run. */
export const batchPart = (kind: WantedBatch['kind'], step: number): string =>
  `${kind === 'step' ? 'step' : 'eval'}-${step}`;
export const stepBatchName = (run: string, step: number): string =>
  `${run}-${batchPart('step', step)}`;
export const evaluationName = (run: string, step: number): string =>
  `${run}-${batchPart('evaluation', step)}`;
