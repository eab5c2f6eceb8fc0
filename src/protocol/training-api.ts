import { z } from 'zod';
import { zRelativePath } from '../api/fields.ts';
import { zSha256 } from './fields.ts';

/**
 * What the controller of TrainingRuns and the server say to each other about one run
 * (design: docs/design/lifecycle.md 2), under `OPERATOR_PREFIX`/training/:uid. All requests are idempotent.
 */

/** PUT training/:uid. The same uid again answers the stored run; another spec is `Conflict`. */
export const zPlanTrainingBody = z.object({
  namespace: z.string(),
  name: z.string(),
  /** TrainingRun.spec as stored; the server parses it with the schema of the kind. */
  spec: z.unknown(),
  /** What the spec's names were resolved to: the server reads no objects. */
  base: zSha256,
  data: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('artifact'), digest: zSha256 }),
      z.object({
        kind: z.literal('batches'),
        batches: z.array(z.object({ name: z.string(), uid: z.string() })),
      }),
    ])
    .optional(),
  /** Of the runtime's trainer, by digest. */
  image: z.string(),
});
export type PlanTrainingBody = z.infer<typeof zPlanTrainingBody>;

/** A file of a model, an export or a checkpoint: an artifact under a path. */
export const zTrainingFile = z.object({
  path: zRelativePath,
  size: z.int().min(0),
  sha256: zSha256,
});
export type TrainingFile = z.infer<typeof zTrainingFile>;

/** What a trainer says of itself: claims of the workload, which never move a phase. */
export const zTrainingProgress = z.object({
  step: z.int().min(0).optional(),
  totalSteps: z.int().min(0).optional(),
  loss: z.number().optional(),
  reward: z.number().optional(),
  tokens: z.int().min(0).optional(),
});
export type TrainingProgress = z.infer<typeof zTrainingProgress>;

const zRows = z.object({
  in: z.int(),
  kept: z.int(),
  dropped: z.int(),
  /** Of those that are kept. */
  cut: z.int().optional(),
});

/** GET training/:uid, and the answer of every other call on a run. */
export const zTrainingState = z.object({
  uid: z.string(),
  inputs: z.object({
    base: zSha256,
    /** Manifest of the export; absent for reinforcement. */
    data: zSha256.optional(),
    template: zSha256,
    image: z.string(),
  }),
  /** From 1: the start of the trainer that is wanted, or that runs. Names its Job. */
  attempt: z.int().min(1),
  /** Uid of that start's Job, once it was told. */
  jobUid: z.string().optional(),
  restarts: z.object({ failures: z.int(), disruptions: z.int() }),
  /** Words about the last start that ended before its time. */
  lastEnd: z.string().optional(),
  progress: zTrainingProgress,
  /** Milliseconds since the epoch at which that was told. */
  progressAt: z.number().optional(),
  rows: zRows.optional(),
  /** Newest checkpoint that is in the store. */
  checkpoint: z.object({ step: z.int() }).optional(),
  policyVersion: z.int().optional(),
  /** Milliseconds since the epoch. */
  startedAt: z.number().optional(),
  end: z
    .discriminatedUnion('state', [
      z.object({ state: z.literal('complete'), model: zSha256 }),
      z.object({ state: z.literal('failed'), reason: z.string(), message: z.string() }),
    ])
    .optional(),
});
export type TrainingState = z.infer<typeof zTrainingState>;

/** PUT training/:uid/job: the Job of that start was created; pods of other Jobs get no claim. */
export const zTrainingJobBody = z.object({ attempt: z.int().min(1), jobUid: z.string() });

/** POST training/:uid/ended: the Job of a start is over and its pods are ended or gone. */
export const zTrainerEndedBody = z.object({
  attempt: z.int().min(1),
  /** `exited`: with `exitCode`; `lost`: taken away; `paused`: ended by us, and to go on later. */
  cause: z.enum(['exited', 'lost', 'paused']),
  exitCode: z.int().optional(),
  /** The cluster's own words. */
  message: z.string().max(4096).optional(),
});
export type TrainerEndedBody = z.infer<typeof zTrainerEndedBody>;

/** POST training/:uid/cancel: the run ends as failed with this reason; ended ones stay as they are. */
export const zCancelTrainingBody = z.object({ reason: z.string(), message: z.string() });
export type CancelTrainingBody = z.infer<typeof zCancelTrainingBody>;

/** Reason of the cancellation of a run whose object is gone. */
export const TRAINING_DELETED = 'Deleted';

/** GET training: runs that have not ended, whether their objects live or not. */
export const zOpenTrainings = z.object({
  runs: z.array(z.object({ uid: z.string(), namespace: z.string(), name: z.string() })),
});
export type OpenTraining = z.infer<typeof zOpenTrainings>['runs'][number];
