import { z } from 'zod';
import { zDecimal, zFraction, zRate } from '../api/fields.ts';
import { CONTRACTS } from '../api/training-runtime.ts';

const zWhole = (min: number) => z.int().min(min).max(2_147_483_647);

const zMethod = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('full') }),
  z.strictObject({
    type: z.literal('lora'),
    rank: zWhole(1),
    alpha: zWhole(1),
    targets: z.literal('all-linear'),
  }),
]);

const zHyper = z.strictObject({
  learningRate: zRate,
  /** With both, whichever ends first; with `rl` neither. */
  epochs: zWhole(1).optional(),
  maxSteps: zWhole(1).optional(),
  /** Only with sft/v1. */
  globalBatch: zWhole(1).optional(),
  microBatch: zWhole(1),
  warmupSteps: zWhole(0),
  schedule: z.enum(['constant', 'linear', 'cosine']),
  weightDecay: zDecimal,
  gradientClip: zDecimal,
});

const zReinforcement = z.strictObject({
  steps: zWhole(1),
  algorithm: z.strictObject({
    loss: z.literal('grpo'),
    clipLow: zDecimal,
    clipHigh: zDecimal,
    ratio: z.literal('sampler'),
    tokenMask: z.tuple([zDecimal, zDecimal]),
    temperature: zDecimal,
    topP: zFraction,
  }),
  batches: z.strictObject({ url: z.url(), tokenFile: z.string().optional() }),
});

/**
 * What RUN_SPEC holds: all that a trainer is told beside the folders of its inputs and outputs
 * (docs/reference/sft.md). Decimals are strings, as in the API. Unknown fields are refused here and by
 * the trainer.
 */
export const zRunSpec = z
  .strictObject({
    contract: z.enum(CONTRACTS),
    /** Unique in its store. */
    run: z.string().min(1),
    /** Name of the object, for people. */
    name: z.string().min(1),
    seed: zWhole(0),
    device: z.enum(['auto', 'cpu', 'cuda']),
    deterministic: z.boolean(),
    method: zMethod,
    context: z.strictObject({
      maxTokens: zWhole(2),
      rope: z
        .strictObject({
          type: z.literal('yarn'),
          factor: zDecimal,
          originalMaxTokens: zWhole(1),
        })
        .optional(),
    }),
    hyper: zHyper,
    checkpoint: z.strictObject({
      /** Only with sft/v1. */
      everySteps: zWhole(1).optional(),
      keep: zWhole(1),
      graceSeconds: zWhole(1),
    }),
    rl: zReinforcement.optional(),
  })
  .refine(({ contract, rl }) => (contract === 'rl-tokens/v1') === (rl !== undefined), {
    error: 'rl belongs to the contract rl-tokens/v1 and only to it',
  })
  .refine(
    ({ contract, hyper }) =>
      contract !== 'sft/v1' || hyper.epochs !== undefined || hyper.maxSteps !== undefined,
    { error: 'hyper needs epochs, maxSteps or both' },
  )
  .refine(
    ({ contract, hyper, checkpoint }) =>
      (contract === 'sft/v1') === (hyper.globalBatch !== undefined) &&
      (contract === 'sft/v1') === (checkpoint.everySteps !== undefined),
    {
      error:
        'hyper.globalBatch and checkpoint.everySteps belong to the contract sft/v1 and only to it',
    },
  );
export type RunSpec = z.infer<typeof zRunSpec>;
