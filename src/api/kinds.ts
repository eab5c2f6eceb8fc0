import { benchRun } from './bench-run.ts';
import { clawTask } from './claw-task.ts';
import { rolloutBatch } from './rollout-batch.ts';
import { synthesisJob } from './synthesis-job.ts';
import { trainingRun } from './training-run.ts';
import { clusterTrainingRuntime, trainingRuntime } from './training-runtime.ts';

/** Every kind of the group, by its name. */
export const KINDS = {
  ClawTask: clawTask,
  RolloutBatch: rolloutBatch,
  BenchRun: benchRun,
  SynthesisJob: synthesisJob,
  TrainingRun: trainingRun,
  TrainingRuntime: trainingRuntime,
  ClusterTrainingRuntime: clusterTrainingRuntime,
} as const;
export type Kind = keyof typeof KINDS;

export function isKind(name: string): name is Kind {
  return Object.hasOwn(KINDS, name);
}
