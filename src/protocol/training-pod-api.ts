import { z } from 'zod';
import { zSha256 } from './fields.ts';
import { zTrainingFile, zTrainingProgress } from './training-api.ts';

/**
 * What the trusted containers of a training pod say to the server's sandbox listener and hear from it
 * (docs/reference/training-pods.md). Every call is made with the pod's own token, audience
 * `AUDIENCES.training`, and may be repeated.
 */
export const TRAINING_ROUTES = {
  /** POST: 200 with `zTrainingClaim`, 409 with `zNoClaim`, 401, 403. */
  claim: '/training/v1/claim',
  /** GET: an artifact that the claim names. */
  artifact: '/training/v1/artifacts/:digest',
  /** PUT, raw body: 200 with `zPutFile`. */
  put: '/training/v1/artifacts',
  /** POST `zTrainingProgress`. */
  progress: '/training/v1/progress',
  /** POST `zCheckpointBody`, of files that were put. */
  checkpoint: '/training/v1/checkpoint',
  /** POST `zTrainingResultBody`. */
  result: '/training/v1/result',
  /**
   * Reinforcement alone: below it the calls of docs/reference/rl-tokens.md, `/next`, `/:number/tokens` and
   * `/:number/trained`; and POST `/:number/policy`, the word that will be said of the batch: the files of
   * its policy version were put, and are kept as a model.
   */
  batches: '/training/v1/batches',
} as const;

export const artifactRoute = (digest: string): string =>
  TRAINING_ROUTES.artifact.replace(':digest', digest);

export const INPUT_FOLDERS = ['model', 'template', 'data'] as const;

/** Everything that one start of a trainer needs. */
export const zTrainingClaim = z.object({
  /** What RUN_SPEC holds; docs/reference/sft.md. */
  runSpec: z.unknown(),
  /** Folders of RUN_IN. */
  inputs: z.array(z.object({ folder: z.enum(INPUT_FOLDERS), files: z.array(zTrainingFile) })),
  /** Newest checkpoint of an earlier start. */
  checkpoint: z.object({ step: z.int(), files: z.array(zTrainingFile) }).optional(),
  /** Largest file that may be put. */
  maxFileBytes: z.int(),
});
export type TrainingClaim = z.infer<typeof zTrainingClaim>;

export const zPutFile = z.object({ sha256: zSha256, size: z.int() });
export type PutFile = z.infer<typeof zPutFile>;

export const zProgressBody = zTrainingProgress;

/** Files of one folder `step-N`, all of them put before. */
export const zCheckpointBody = z.object({
  step: z.int().min(0),
  files: z.array(zTrainingFile).max(1000),
});
export type CheckpointBody = z.infer<typeof zCheckpointBody>;

/** `result.json` as it stands, and the files of the model folder that it names, put before. */
export const zTrainingResultBody = z.object({
  result: z.string().max(1024 * 1024),
  files: z.array(zTrainingFile).max(1000),
});
export type TrainingResultBody = z.infer<typeof zTrainingResultBody>;

/** Bytes of a body that lists files. */
export const MAX_FILES_BODY = 4 * 1024 * 1024;
