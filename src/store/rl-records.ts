import type { BatchId, Sha256 } from '../base/brand.ts';

/**
 * What a cluster's server keeps of reinforcement runs (docs/adr/0020). A run is the uid of its
 * TrainingRun. Every method is one transaction; what it returned is durable.
 */
export interface RlRecords {
  /** Idempotent; throws `Conflict` where the run is known with another plan. */
  planRl(row: RlRunRow): Promise<void>;
  getRl(run: string): Promise<RlRunRow | undefined>;
  /** Which batch of the store plays a batch that the run wants; the last word holds. */
  setRlBatch(run: string, name: string, batch: BatchId): Promise<void>;
  getRlBatch(run: string, name: string): Promise<BatchId | undefined>;
  /** A step is frozen once: throws `Conflict` where it is kept with other facts. */
  freezeRlStep(run: string, step: number, frozen: string): Promise<void>;
  /** What the trainer said of a frozen step; throws `NotFound` where it is not frozen. */
  trainRlStep(run: string, step: number, trained: string): Promise<void>;
  /** By step. */
  listRlSteps(run: string): Promise<readonly RlStepRow[]>;
  /** Keeps a policy version as a model, and forgets those before the one before it. */
  putRlPolicy(run: string, policy: RlPolicyRow): Promise<void>;
  getRlPolicy(run: string, version: number): Promise<RlPolicyRow | undefined>;
}

export interface RlRunRow {
  /** Uid of the TrainingRun. */
  readonly run: string;
  /** What it was frozen to, as canonical JSON; its form is that of src/server/training/rl. */
  readonly plan: string;
  readonly createdAt: number;
}

export interface RlStepRow {
  /** From 1. */
  readonly step: number;
  /** JSON of src/training/rl/step-notes.ts, both. */
  readonly frozen: string;
  readonly trained: string | undefined;
}

export interface RlPolicyRow {
  /** From 1; 0 is the base. */
  readonly version: number;
  /** Model artifact. */
  readonly model: Sha256;
  /** Artifacts of its files: they stay as long as the row. */
  readonly files: readonly Sha256[];
}
