import type { z } from 'zod';
import { defineResource } from './define-resource.ts';
import { CATEGORIES, GROUP, VERSION } from './group.ts';
import { AGE_COLUMN, queueColumn, statusColumn } from './printer-columns.ts';
import { IMMUTABLE_TRAINING, zTrainingSpec } from './training-spec.ts';
import { zTrainingStatus } from './training-status.ts';

export const trainingRun = defineResource({
  group: GROUP,
  version: VERSION,
  kind: 'TrainingRun',
  plural: 'trainingruns',
  singular: 'trainingrun',
  shortNames: ['trun'],
  categories: CATEGORIES,
  description:
    'A TrainingRun makes a model out of another one: by conversations that went well, or by reinforcement from verified scores.',
  spec: zTrainingSpec,
  status: zTrainingStatus,
  printerColumns: [
    {
      name: 'Step',
      type: 'string',
      jsonPath: '.status.progress',
      description: 'Steps done of all steps.',
    },
    { name: 'Loss', type: 'string', jsonPath: '.status.loss', description: 'Loss of that step.' },
    {
      name: 'Reward',
      type: 'string',
      jsonPath: '.status.reward',
      description: 'Mean reward of that step; reinforcement only.',
    },
    statusColumn('What the run is doing.'),
    {
      name: 'Model',
      type: 'string',
      jsonPath: '.status.model.digest',
      description: 'The trained model.',
      priority: 1,
    },
    queueColumn('.spec.trainer.queueName'),
    AGE_COLUMN,
  ],
  selectableFields: ['.spec.suspend'],
  immutable: IMMUTABLE_TRAINING,
  validations: [],
});
export type TrainingRun = z.infer<typeof trainingRun.schema>;
