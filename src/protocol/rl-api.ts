import { z } from 'zod';
import { zSha256 } from './fields.ts';
import { zTaskSourceBody } from './operator-api.ts';

/**
 * What the operator asks of the server for the reinforcement of a TrainingRun (docs/adr/0020),
 * below `OPERATOR_PREFIX`/training/:uid/rl. All requests are idempotent.
 */

/** PUT training/:uid/rl: freezes the tasks. The same uid again answers its state; another spec is `Conflict`. */
export const zPlanRlBody = z.object({
  namespace: z.string(),
  name: z.string(),
  /** TrainingRun.spec as stored. */
  spec: z.unknown(),
  /** The frozen base model. */
  base: zSha256,
  tasks: zTaskSourceBody,
  /** Absent: those of the training. */
  evaluationTasks: zTaskSourceBody.optional(),
});
export type PlanRlBody = z.infer<typeof zPlanRlBody>;

const zWanted = z.object({
  /** Lower-case letters, digits and dashes: `step-3`, `eval-5`. */
  part: z.string(),
  kind: z.enum(['step', 'evaluation']),
  step: z.number().int(),
  taskSet: zSha256,
  /** Ids of its tasks; absent: all of the set. */
  taskIds: z.array(z.string()).optional(),
  samples: z.number().int(),
  policyVersion: z.number().int(),
  /** Model artifact of that version. */
  model: zSha256,
  /** Uid of the RolloutBatch that plays it, as it was told last. */
  batch: z.string().optional(),
});
export type WantedRlBatch = z.infer<typeof zWanted>;

const zEvaluation = z.object({
  step: z.number().int(),
  policyVersion: z.number().int(),
  rollouts: z.number().int(),
  rewarded: z.number().int(),
  score: z.number().nullable(),
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
});

/** GET training/:uid/rl and the answer of the PUT. */
export const zRlState = z.object({
  taskSet: zSha256,
  evaluationTaskSet: zSha256,
  steps: z.number().int(),
  /** Steps that are over: trained, or without anything to learn. */
  step: z.number().int(),
  /** Mean reward of the newest sampled step that has one. */
  reward: z.number().optional(),
  /** Loss of the newest trained batch, as the trainer said it. */
  loss: z.number().optional(),
  trainedTokens: z.number().int(),
  policyVersion: z.number().int(),
  /** Model artifact of that version. */
  policyModel: zSha256,
  /** Number of the batch that the trainer has not acknowledged yet. */
  training: z.number().int().optional(),
  /** The batch that is to run now. */
  wanted: zWanted.optional(),
  /** The newest one last. */
  evaluations: z.array(zEvaluation),
  /** Every step and evaluation is over: the trainer is told so at its next question. */
  over: z.boolean(),
  /** Why the run cannot go on. */
  failure: z.object({ reason: z.string(), message: z.string() }).optional(),
});
export type RlState = z.infer<typeof zRlState>;

/** PUT training/:uid/rl/batches/:part: the RolloutBatch that plays it. */
export const zRlBatchBody = z.object({ uid: z.string() });
