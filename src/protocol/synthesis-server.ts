import { z } from 'zod';
import { zSha256 } from './fields.ts';
import { zModelHold } from './model-hold.ts';

/**
 * What the controller of SynthesisJobs says to the server and hears from it (design:
 * docs/design/cluster.md 12). All requests are idempotent.
 */

/** What may change while a job runs. */
export const zSynthesisSteering = z.object({
  parallelism: z.int().min(1).optional(),
  /** Input and output tokens of all calls; absent: no bound. */
  tokens: z.int().min(1).optional(),
  /** Records that may be begun. */
  records: z.int().min(1),
});
export type SynthesisSteering = z.infer<typeof zSynthesisSteering>;

/** Seeds of ConfigMaps as the operator read them: the server sees no objects. */
const zSeedTexts = z.object({
  /** JSON lines; `place` is for messages. */
  personas: z.object({ place: z.string(), text: z.string() }).optional(),
  /** Name of a skill to its SKILL.md. */
  skills: z.object({ place: z.string(), texts: z.record(z.string(), z.string()) }).optional(),
});
export type SeedTexts = z.infer<typeof zSeedTexts>;

/** PUT synthesis/:uid. The same uid again answers the stored job; another specification is `Conflict`. */
export const zPlanSynthesisBody = z.object({
  namespace: z.string(),
  name: z.string(),
  /** SynthesisJob.spec as stored; the server parses it with the schema of the kind. */
  spec: z.unknown(),
  seeds: zSeedTexts,
});
export type PlanSynthesisBody = z.infer<typeof zPlanSynthesisBody>;

/** Gate runs of some records that one RolloutBatch carries. */
export const zGateRound = z.object({
  /** From 1, unique in the job. */
  id: z.int(),
  /** `nop`, `lazy`, `solution` or `cheats`. */
  run: z.string(),
  /** A first trial, with a fifth of the time: what does not end in it is mended. */
  trial: z.boolean(),
  taskSet: zSha256,
  agent: z.string(),
  samples: z.int(),
  /** Uid of the RolloutBatch that the operator told. */
  batch: z.string().optional(),
});
export type GateRound = z.infer<typeof zGateRound>;

const zCount = z.int().min(0);

/** GET synthesis/:uid and the answer of the PUT. */
export const zSynthesisState = z.object({
  uid: z.string(),
  steering: zSynthesisSteering,
  target: zCount,
  accepted: zCount,
  records: zCount,
  /** Records without an end. */
  open: zCount,
  stages: z.array(
    z.object({ stage: z.string(), entered: zCount, passed: zCount, rejected: zCount }),
  ),
  rejections: z.array(z.object({ reason: z.string(), count: zCount })),
  inputTokens: zCount,
  outputTokens: zCount,
  startedAt: z.number().optional(),
  /** Uid of the Job whose pods may claim. */
  worker: z.string().optional(),
  /** Rounds that are not over, in order. */
  rounds: z.array(zGateRound),
  /** What broke the worker last; gone with the next checkpoint. */
  failure: z.object({ code: z.string(), message: z.string(), at: z.number() }).optional(),
  /** Why the endpoint of a role cannot be used. */
  modelHold: zModelHold.optional(),
  cancelled: z.string().optional(),
  /** Set once, when every record has ended and the task set is stored. */
  result: z
    .object({
      ended: z.enum(['TargetReached', 'RecordsExhausted', 'TokensExhausted']),
      /** Absent where nothing was accepted. */
      taskSet: zSha256.optional(),
      at: z.number(),
    })
    .optional(),
});
export type SynthesisState = z.infer<typeof zSynthesisState>;

/** PUT synthesis/:uid/worker: the Job was created; pods of other Jobs get no claim. */
export const zSynthesisWorkerBody = z.object({ jobUid: z.string().min(1) });

/** PUT synthesis/:uid/rounds/:id: the RolloutBatch was created. */
export const zGateBatchBody = z.object({ batchUid: z.string().min(1) });

/** POST synthesis/:uid/cancel: no pod gets a claim any more. The first reason holds. */
export const zCancelSynthesisBody = z.object({ reason: z.string().min(1) });

interface Call {
  readonly signal: AbortSignal;
}

/** Errors as those of `ClawGymServer`. */
export interface SynthesisServer {
  /** Throws `Conflict` for a uid that is stored with another specification. */
  plan(uid: string, body: PlanSynthesisBody, call: Call): Promise<SynthesisState>;
  /** Undefined for a job that was never planned. */
  state(uid: string, call: Call): Promise<SynthesisState | undefined>;
  steer(uid: string, steering: SynthesisSteering, call: Call): Promise<void>;
  workerCreated(uid: string, jobUid: string, call: Call): Promise<void>;
  gateBatchCreated(uid: string, round: number, batchUid: string, call: Call): Promise<void>;
  cancel(uid: string, reason: string, call: Call): Promise<void>;
}
