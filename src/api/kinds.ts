import { benchRun } from './bench-run.ts';
import { clawTask } from './claw-task.ts';
import { rolloutBatch } from './rollout-batch.ts';

/** Every kind of the group, by its name. */
export const KINDS = {
  ClawTask: clawTask,
  RolloutBatch: rolloutBatch,
  BenchRun: benchRun,
} as const;
export type Kind = keyof typeof KINDS;

export function isKind(name: string): name is Kind {
  return Object.hasOwn(KINDS, name);
}
