import type { z } from 'zod';
import { clawTask } from '../../../src/api/claw-task.ts';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import { synthesisJob } from '../../../src/api/synthesis-job.ts';
import { trainingRun } from '../../../src/api/training-run.ts';
import { clusterTrainingRuntime, trainingRuntime } from '../../../src/api/training-runtime.ts';
import { zKubeObject } from '../../kube/objects/kube-object.ts';
import { defineResource } from '../../kube/objects/resource.ts';

const zRolloutBatch = zKubeObject.extend({
  spec: rolloutBatch.spec,
  status: rolloutBatch.status.optional(),
});
export type RolloutBatch = z.infer<typeof zRolloutBatch>;
export type BatchSpec = RolloutBatch['spec'];
export type BatchStatus = NonNullable<RolloutBatch['status']>;

export const rolloutBatches = defineResource({
  ...rolloutBatch,
  namespaced: true,
  schema: zRolloutBatch,
});

const zClawTask = zKubeObject.extend({
  spec: clawTask.spec,
  status: clawTask.status.optional(),
});
export type ClawTask = z.infer<typeof zClawTask>;

export const clawTasks = defineResource({ ...clawTask, namespaced: true, schema: zClawTask });

const zSynthesisJob = zKubeObject.extend({
  spec: synthesisJob.spec,
  status: synthesisJob.status.optional(),
});

export type SynthesisJob = z.infer<typeof zSynthesisJob>;

export const synthesisJobs = defineResource({
  ...synthesisJob,
  namespaced: true,
  schema: zSynthesisJob,
});

const zTrainingRun = zKubeObject.extend({
  spec: trainingRun.spec,
  status: trainingRun.status.optional(),
});
export type TrainingRun = z.infer<typeof zTrainingRun>;
export type TrainingStatus = NonNullable<TrainingRun['status']>;

export const trainingRuns = defineResource({
  ...trainingRun,
  namespaced: true,
  schema: zTrainingRun,
});

const zTrainingRuntime = zKubeObject.extend({ spec: trainingRuntime.spec });
export type RuntimeSpec = z.infer<typeof zTrainingRuntime>['spec'];

export const trainingRuntimes = defineResource({
  ...trainingRuntime,
  namespaced: true,
  schema: zTrainingRuntime,
});

export const clusterTrainingRuntimes = defineResource({
  ...clusterTrainingRuntime,
  namespaced: false,
  schema: zTrainingRuntime,
});
