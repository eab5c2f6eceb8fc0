import type { ModelSpec } from '../../api/model-spec.ts';
import type { RolloutBatch } from '../../api/rollout-batch.ts';
import type { FixedSampling } from '../../gateway/chat-request.ts';
import { DEFAULT_SNAPSHOT_CAPS, type SnapshotCaps } from '../../phases/snapshot-caps.ts';
import type { RetryPolicy } from '../../rollouts/next-step.ts';
import { DEFAULT_SANDBOX } from './default-sandbox.ts';

/** What a batch's spec means to both engines. */
export interface BatchSettings {
  readonly retries: RetryPolicy;
  readonly budgets: EpisodeBudgets;
  /** Percent of a task's own agent time-out; 100 leaves it alone. */
  readonly timeoutPercent: number;
  readonly limits: SandboxDefaults;
  readonly snapshot: SnapshotCaps;
  /** Seconds that the model link waits for a lost gateway (design: rollouts.md 3). */
  readonly gatewayLossSeconds: number;
  readonly score: 'native' | 'flat';
}

/** Of a run that asks for nothing else: the numbers are the defaults of the API's fields. */
export const DEFAULT_SETTINGS: Omit<BatchSettings, 'budgets'> = {
  retries: { infraRetries: 2, disruptionLimit: 20 },
  timeoutPercent: 100,
  limits: DEFAULT_SANDBOX,
  snapshot: DEFAULT_SNAPSHOT_CAPS,
  gatewayLossSeconds: 120,
  score: 'native',
};

/** Ends an episode, never the attempt's right to be graded. Absent: no bound. */
export interface EpisodeBudgets {
  readonly turns?: number;
  readonly tokens?: number;
  readonly seconds?: number;
}

/** What a task that names no limits gets. */
export interface SandboxDefaults {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly pids: number;
}

/** Settings of a run without its budgets. */
export function batchSettings(
  spec: Pick<RolloutBatch['spec'], 'limits' | 'retries' | 'verification' | 'gatewayLossSeconds'>,
): Omit<BatchSettings, 'budgets'> {
  const { limits, retries, verification, gatewayLossSeconds } = spec;
  return {
    retries: { infraRetries: retries.infraRetries, disruptionLimit: retries.disruptionLimit },
    timeoutPercent: limits.timeoutPercent,
    limits: {
      cpuMillis: limits.cpuMillis ?? DEFAULT_SANDBOX.cpuMillis,
      memoryMiB: limits.memoryMiB ?? DEFAULT_SANDBOX.memoryMiB,
      diskMiB: limits.diskMiB ?? DEFAULT_SANDBOX.diskMiB,
      pids: limits.pids ?? DEFAULT_SANDBOX.pids,
    },
    snapshot: {
      ...DEFAULT_SNAPSHOT_CAPS,
      totalBytes: limits.snapshotMiB * 1024 * 1024,
      entries: limits.snapshotEntries,
    },
    gatewayLossSeconds,
    score: verification.score,
  };
}

/** Drops the absent members that zod leaves as undefined. */
export function plainBudgets(budgets: {
  readonly turns?: number | undefined;
  readonly tokens?: number | undefined;
  readonly seconds?: number | undefined;
}): EpisodeBudgets {
  return {
    ...(budgets.turns !== undefined && { turns: budgets.turns }),
    ...(budgets.tokens !== undefined && { tokens: budgets.tokens }),
    ...(budgets.seconds !== undefined && { seconds: budgets.seconds }),
  };
}

/** Decimal strings of the manifest as the numbers of a request. */
export function fixedSampling(sampling: ModelSpec['sampling']): FixedSampling {
  if (sampling === undefined) return {};
  const { temperature, topP, maxTokens, seed } = sampling;
  return {
    ...(temperature !== undefined && { temperature: Number(temperature) }),
    ...(topP !== undefined && { top_p: Number(topP) }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(seed !== undefined && { seed }),
  };
}
