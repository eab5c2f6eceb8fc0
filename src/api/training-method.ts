import { z } from 'zod';
import { zDecimal, zInt32, zRate } from './fields.ts';
import { withRules } from './rules.ts';

export const METHODS = ['full', 'lora'] as const;

export const zMethod = withRules(
  z
    .object({
      type: z
        .enum(METHODS)
        .default('full')
        .describe('full: every weight; lora: low-rank adapters beside frozen weights.'),
      rank: zInt32(1, 1024).optional().describe('Rank of the adapters. Absent: 32.'),
      alpha: zInt32(1, 4096).optional().describe('Scale of the adapters. Absent: the rank.'),
      targets: z
        .enum(['all-linear'])
        .optional()
        .describe('Layers that get an adapter. Absent: all-linear.'),
    })
    .describe('Which weights are trained.'),
  [
    {
      rule: "(has(self.type) && self.type == 'lora') || (!has(self.rank) && !has(self.alpha) && !has(self.targets))",
      message: 'rank, alpha and targets are settings of the method lora only',
      holds: (self) =>
        self.type === 'lora' ||
        (self.rank === undefined && self.alpha === undefined && self.targets === undefined),
    },
  ],
);

export const zContext = withRules(
  z
    .object({
      maxTokens: zInt32(16, 4_194_304)
        .default(2048)
        .describe(
          'Longest row in tokens. A longer conversation is cut at its end and counted in status.rows.cut; it is left out where nothing to learn remains. Longest context of the policy with rl.',
        ),
      rope: z
        .object({
          type: z.enum(['yarn']).describe('How positions beyond the trained ones are made.'),
          factor: zDecimal.describe('By how much, as a decimal string, for example "2.0".'),
          originalMaxTokens: zInt32(1).describe('Positions that the base model was trained on.'),
        })
        .optional()
        .describe("Longer context. Written into the trained model's own configuration."),
    })
    .describe('Length of a row.'),
  [
    {
      rule: '!has(self.rope) || !has(self.maxTokens) || double(self.maxTokens) <= double(self.rope.factor) * double(self.rope.originalMaxTokens)',
      message: 'maxTokens is more than rope.factor times rope.originalMaxTokens',
      holds: ({ maxTokens, rope }) =>
        rope === undefined || maxTokens <= Number(rope.factor) * rope.originalMaxTokens,
      got: ({ maxTokens, rope }) =>
        `maxTokens ${maxTokens}, factor ${rope?.factor}, originalMaxTokens ${rope?.originalMaxTokens}`,
    },
  ],
);

export const zHyper = withRules(
  z
    .object({
      learningRate: zRate.default('1e-5').describe('Peak learning rate, for example "1e-5".'),
      epochs: zInt32(1, 1000).optional().describe('Times that each row is seen.'),
      maxSteps: zInt32(1).optional().describe('Optimizer steps; with epochs: what ends first.'),
      globalBatch: zInt32(1, 65_536)
        .optional()
        .describe(
          'Rows of one optimizer step. Absent: 8, or the next multiple of microBatch. Refused with rl, where a step learns from all rollouts of its groups.',
        ),
      microBatch: zInt32(1, 4096).default(1).describe('Rows of one forward pass.'),
      warmupSteps: zInt32(0).default(0).describe('Steps over which the learning rate rises.'),
      schedule: z
        .enum(['constant', 'linear', 'cosine'])
        .default('constant')
        .describe('Course of the learning rate after that.'),
      weightDecay: zDecimal.default('0').describe('Weight decay of AdamW.'),
      gradientClip: zDecimal.default('1.0').describe('Largest norm of a gradient.'),
    })
    .describe('Settings of the optimizer.'),
  [
    {
      // The API server asks it of the default too, whose members it has not filled in by then.
      rule: '!has(self.globalBatch) || !has(self.microBatch) || self.globalBatch % self.microBatch == 0',
      message: 'globalBatch must be a multiple of microBatch',
      holds: ({ globalBatch, microBatch }) =>
        globalBatch === undefined || globalBatch % microBatch === 0,
      got: ({ globalBatch, microBatch }) => `globalBatch ${globalBatch}, microBatch ${microBatch}`,
    },
  ],
);
