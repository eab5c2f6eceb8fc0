import type { PreparedAgent } from '../agents/agent.ts';
import type { FixedSampling } from '../gateway/chat-request.ts';
import type { BatchSettings } from '../server/planning/batch-settings.ts';
import type { BatchRow, PlannedRollout, RolloutRow } from '../store/records.ts';
import type { TaskSet } from '../tasks/task-set.ts';

/** One RolloutBatch ready to run: frozen inputs, prepared harness, settings. */
export interface BatchPlan {
  readonly batch: BatchRow;
  readonly rollouts: readonly PlannedRollout[];
  readonly taskSet: TaskSet;
  readonly agent: PreparedAgent;
  readonly model: ModelBinding | undefined;
  readonly settings: BatchSettings;
}

/** The model that a batch's agent talks to, by name and by the upstream that answers. */
export interface ModelBinding {
  readonly name: string;
  /** Key of the upstream in the engine's set. */
  readonly upstream: string;
  /** Put into every request in place of the agent's own; absent members are left to the agent. */
  readonly sampling: FixedSampling;
}

/** Told about progress; must not throw and must not block. */
export interface EngineObserver {
  started(rollout: RolloutRow): void;
  retried(rollout: RolloutRow, reason: string): void;
  decided(rollout: RolloutRow): void;
}

/** Runs batches to their end; returns early when the signal fires, with everything durable. */
export interface Engine {
  run(plans: readonly BatchPlan[], options: EngineRunOptions): Promise<void>;
}

export interface EngineRunOptions {
  /** Agents and graders at a time, over all batches. */
  readonly parallelism: number;
  readonly signal: AbortSignal;
  readonly observer: EngineObserver;
}
