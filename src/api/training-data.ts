import { z } from 'zod';
import { zArtifact, zFraction, zInt32, zName } from './fields.ts';
import { zScalarSet } from './lists.ts';
import { exactlyOneOf, withRules } from './rules.ts';

const zFrom = z
  .object({
    batches: zScalarSet(zName(73).describe('Name of a RolloutBatch.'), {
      min: 1,
      max: 64,
      description:
        'RolloutBatches of the same namespace; each must be complete. Locally also RUN-ARM, an arm of a BenchRun.',
    }),
    minScore: zFraction.default('0.5').describe('Least score of a rollout that is taken.'),
    validationPercent: zInt32(0, 90)
      .default(0)
      .describe(
        "Percent of the task lineages that are left out of training. Their conversations are in the export's validation.jsonl, for a trainer or a measurement of yours; ours reads none of it.",
      ),
    seed: zInt32(0).default(0).describe('Seed of that choice.'),
  })
  .describe('Conversations of finished rollouts, exported when the run begins.');

/** What supervised training learns from. Resolved once, to a digest, when the run begins. */
export const zTrainingData = withRules(
  z
    .object({
      artifact: zArtifact
        .optional()
        .describe('A messages-tools export in the artifact store, by the SHA-256 of its manifest.'),
      from: zFrom.optional(),
    })
    .describe('Conversations to learn from.'),
  [exactlyOneOf(['artifact', 'from'], 'the training data')],
);
export type TrainingData = z.infer<typeof zTrainingData>;
