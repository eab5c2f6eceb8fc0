import { z } from 'zod';
import { zConditions, zObservedGeneration } from './conditions.ts';
import { zEvaluationResult } from './evaluation-result.ts';
import { zCount, zDigest, zMeasure, zText, zTime } from './fields.ts';
import { zListMap } from './lists.ts';

/** Evaluations that a status shows: the newest ones. */
export const SHOWN_EVALUATIONS = 64;

const zRows = z
  .object({
    in: zCount.describe('Rows of the data.'),
    kept: zCount.describe('Rows that are trained on.'),
    dropped: zCount.describe('Rows that are left out: nothing to learn within the context.'),
    cut: zCount
      .optional()
      .describe('Rows among those kept that were cut at their end, to context.maxTokens.'),
  })
  .describe('What became of the data; nothing is left out in silence.');

const zInputs = z
  .object({
    base: zDigest.optional().describe('The base model.'),
    data: zDigest.optional().describe('Manifest of the export that is trained on.'),
    taskSet: zDigest.optional().describe('The frozen task set; reinforcement only.'),
    template: zDigest.optional().describe('The chat template.'),
    image: zText(512).optional().describe('Image of the trainer, by digest.'),
  })
  .describe('What the run was frozen to when it began.');

export const zTrainingStatus = z
  .object({
    observedGeneration: zObservedGeneration,
    inputs: zInputs.optional(),
    startTime: zTime.optional().describe('When the trainer was first allowed to start.'),
    completionTime: zTime.optional().describe('When the run ended.'),
    progress: zText(64).optional().describe('Steps done of all steps, for example "120/200".'),
    step: zCount.optional().describe('Optimizer steps done.'),
    totalSteps: zCount.optional().describe('Optimizer steps of the whole run.'),
    loss: zMeasure.optional().describe('Loss of the last reported step.'),
    reward: zMeasure.optional().describe('Mean reward of the last step; reinforcement only.'),
    tokens: zCount.optional().describe('Trained tokens so far.'),
    metricsTime: zTime.optional().describe('When the trainer last reported.'),
    rows: zRows.optional(),
    checkpoint: z
      .object({ step: zCount.describe('Step after which it was written.') })
      .optional()
      .describe('Newest complete checkpoint.'),
    policyVersion: zCount.optional().describe('Newest policy version; reinforcement only.'),
    evaluations: zListMap(zEvaluationResult, 'step', {
      max: SHOWN_EVALUATIONS,
      description:
        'What the evaluations of spec.rl.evaluation found, the newest one last; those before the last 64 are in the record of the model. Reinforcement only.',
    }).optional(),
    restarts: z
      .object({
        failures: zCount.describe('After failures of the trainer.'),
        disruptions: zCount.describe('After disruptions.'),
      })
      .optional()
      .describe('Restarts so far.'),
    model: z
      .object({ digest: zDigest.describe('Model artifact in the artifact store.') })
      .optional()
      .describe('The trained model.'),
    conditions: zConditions,
  })
  .describe('How far the run is, and what it made.');
