import { z } from 'zod';
import { zAgent } from './agent-spec.ts';
import { zDecimal, zFraction, zInt32 } from './fields.ts';
import { zAtomicList } from './lists.ts';
import { withRules } from './rules.ts';
import { zBudgets, zLimits, zRetries, zVerification } from './run-settings.ts';
import { zTaskSource } from './task-source.ts';

const zGroups = withRules(
  z
    .object({
      perStep: zInt32(1, 4096).default(8).describe('Groups, that is tasks, of one step.'),
      samples: zInt32(2, 1024).default(8).describe('Rollouts of a group.'),
      minSamples: zInt32(2, 1024)
        .default(2)
        .describe(
          'Rollouts with a reward that a group needs; missing data is never a reward of 0.',
        ),
    })
    .describe('Rollouts of one step.'),
  [
    {
      // The API server asks it of the default too, whose members it has not filled in by then.
      rule: '!has(self.minSamples) || !has(self.samples) || self.minSamples <= self.samples',
      message: 'minSamples cannot be more than samples',
      holds: ({ minSamples, samples }) => minSamples <= samples,
    },
  ],
);

const zPolicySampling = withRules(
  z
    .object({
      temperature: zDecimal.describe('Sampling temperature as a decimal string, above "0".'),
      topP: zFraction.describe('Nucleus mass as a decimal string.'),
      maxTokens: zInt32(1).optional().describe('Most tokens of one answer.'),
    })
    .describe('How the policy is sampled; the trainer computes with the same numbers.'),
  [
    {
      rule: "self.temperature.matches('[1-9]')",
      message: 'temperature must be above "0": greedy answers have no probabilities to learn from',
      holds: ({ temperature }) => /[1-9]/.test(temperature),
    },
    {
      rule: 'double(self.topP) == 1.0',
      message:
        'topP must be "1": below it probabilities are over another set of tokens than the trainer has',
      holds: ({ topP }) => Number(topP) === 1,
    },
  ],
);

const zAlgorithm = withRules(
  z
    .object({
      loss: z.enum(['grpo']).default('grpo').describe('Clipped policy gradient.'),
      clipLow: zDecimal.default('0.2').describe('How far the ratio may fall below 1.'),
      clipHigh: zDecimal.default('0.28').describe('How far the ratio may rise above 1.'),
      ratio: z
        .enum(['sampler'])
        .default('sampler')
        .describe('sampler: against the log-probabilities that were recorded at sampling.'),
      cutAnswers: z
        .enum(['mask', 'train'])
        .default('mask')
        .describe(
          'Answers that came to their length limit. mask: never trained, their score counts all the same; train: like any other, for a policy that does not end its answers yet.',
        ),
      tokenMask: zAtomicList(zDecimal.describe('A ratio.'), {
        min: 2,
        max: 2,
        description: 'Tokens whose ratio lies outside are left out. Absent: "0.5" to "5.0".',
      }).optional(),
    })
    .describe('The loss.'),
  [
    {
      rule: '!has(self.tokenMask) || (double(self.tokenMask[0]) < 1.0 && double(self.tokenMask[1]) > 1.0)',
      message: 'tokenMask takes a ratio below 1 and one above',
      holds: ({ tokenMask }) =>
        tokenMask === undefined || (Number(tokenMask[0]) < 1 && Number(tokenMask[1]) > 1),
    },
  ],
);

const zEvaluation = z
  .object({
    everySteps: zInt32(1).default(5).describe('Steps between evaluations.'),
    tasks: zTaskSource
      .optional()
      .describe('Tasks that are kept apart for it. Absent: those of the training.'),
    samples: zInt32(1, 1000).default(1).describe('Rollouts of each task.'),
  })
  .describe('Rollouts that are only measured.');

/** Reinforcement from verified rollouts, in synchronous steps. */
export const zRl = withRules(
  z
    .object({
      steps: zInt32(1, 1_000_000).describe('Optimizer steps, one policy version each.'),
      tasks: zTaskSource,
      agent: zAgent,
      groups: zGroups.prefault({}),
      sampling: zPolicySampling,
      algorithm: zAlgorithm.prefault({}),
      evaluation: zEvaluation.optional(),
      parallelism: zInt32(1, 100_000).optional().describe('Rollouts at a time.'),
      budgets: zBudgets.prefault({}),
      limits: zLimits.prefault({}),
      retries: zRetries.prefault({}),
      verification: zVerification.prefault({}),
    })
    .describe('Reinforcement: the policy does tasks and learns from the verified scores.'),
  [
    {
      rule: "self.agent.name in ['command', 'pi', 'openclaw']",
      message: 'rl needs an agent that asks a model: command, pi or openclaw',
      holds: ({ agent }) => ['command', 'pi', 'openclaw'].includes(agent.name),
    },
  ],
);
