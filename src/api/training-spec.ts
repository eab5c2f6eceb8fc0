import { z } from 'zod';
import { zInt32, zSeconds } from './fields.ts';
import { zBaseModel } from './model-ref.ts';
import { zRl } from './rl-spec.ts';
import { exactlyOneOf, withRules } from './rules.ts';
import { runSettings } from './run-settings.ts';
import { zRuntimeRef } from './runtime-ref.ts';
import { zTrainerPods } from './trainer-pods.ts';
import { zTrainingData } from './training-data.ts';
import { zContext, zHyper, zMethod } from './training-method.ts';

const zCheckpoint = z
  .object({
    everySteps: zInt32(1)
      .optional()
      .describe('Steps between checkpoints. Absent: 50. Refused with rl, where each step has one.'),
    keep: zInt32(1, 100).default(2).describe('Newest checkpoints that are kept.'),
    graceSeconds: zSeconds(1, 3600)
      .default(120)
      .describe('Time for a last checkpoint when the run is stopped.'),
  })
  .describe('Checkpoints, from which an interrupted run goes on.');

const zRestarts = z
  .object({
    failures: zInt32(0, 100).default(3).describe('Restarts after failures of the trainer.'),
    disruptionLimit: zInt32(0, 10_000)
      .default(20)
      .describe('Restarts after disruptions such as a lost node.'),
  })
  .describe('Restarts from the newest checkpoint. Bad data and divergence are never retried.');

export const zTrainingSpec = withRules(
  z
    .object({
      runtimeRef: zRuntimeRef('What trains.')
        .optional()
        .describe(
          'What trains. Absent: the TrainingRuntime sft of the namespace, else the ClusterTrainingRuntime sft; with rl those named rl. The local engine trains with its own.',
        ),
      base: zBaseModel,
      data: zTrainingData.optional(),
      rl: zRl.optional(),
      method: zMethod.prefault({}),
      context: zContext.prefault({}),
      hyper: zHyper.prefault({}),
      seed: zInt32(0).default(0).describe('Seed of everything random in the trainer.'),
      deterministic: z
        .boolean()
        .default(false)
        .describe('True: only algorithms that give the same weights again, which are slower.'),
      checkpoint: zCheckpoint.prefault({}),
      retries: zRestarts.prefault({}),
      trainer: zTrainerPods.prefault({}),
      suspend: runSettings.suspend,
      activeDeadlineSeconds: runSettings.activeDeadlineSeconds,
      ttlSecondsAfterFinished: runSettings.ttlSecondsAfterFinished,
      managedBy: runSettings.managedBy,
    })
    .describe('From which model, by what, and how.'),
  [
    exactlyOneOf(['data', 'rl'], 'a training run'),
    {
      rule: 'has(self.rl) || has(self.hyper.epochs) || has(self.hyper.maxSteps)',
      message: 'supervised training needs hyper.epochs, hyper.maxSteps or both',
      holds: ({ rl, hyper }) =>
        rl !== undefined || hyper.epochs !== undefined || hyper.maxSteps !== undefined,
    },
    {
      rule: '!has(self.rl) || (!has(self.hyper.epochs) && !has(self.hyper.maxSteps))',
      message: 'reinforcement lasts rl.steps: leave hyper.epochs and hyper.maxSteps out',
      holds: ({ rl, hyper }) =>
        rl === undefined || (hyper.epochs === undefined && hyper.maxSteps === undefined),
    },
    {
      rule: '!has(self.rl) || !has(self.hyper.globalBatch)',
      message:
        'a step of reinforcement learns from all rollouts of its groups: leave hyper.globalBatch out and set rl.groups',
      holds: ({ rl, hyper }) => rl === undefined || hyper.globalBatch === undefined,
    },
    {
      rule: '!has(self.rl) || !has(self.checkpoint.everySteps)',
      message: 'each step of reinforcement has its checkpoint: leave checkpoint.everySteps out',
      holds: ({ rl, checkpoint }) => rl === undefined || checkpoint.everySteps === undefined,
    },
  ],
);
export type TrainingSpec = z.infer<typeof zTrainingSpec>;

/** What decides the trained model, and what a run keeps as it was planned. */
export const IMMUTABLE_TRAINING = [
  'runtimeRef',
  'base',
  'data',
  'rl',
  'method',
  'context',
  'hyper',
  'seed',
  'deterministic',
  'checkpoint',
  'trainer',
  'managedBy',
] as const;
