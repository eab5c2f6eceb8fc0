import { z } from 'zod';
import { agentModelRules, zAgent } from './agent-spec.ts';
import { zConditions, zObservedGeneration } from './conditions.ts';
import { defineResource } from './define-resource.ts';
import { zExportStatuses, zExports } from './export-spec.ts';
import { zCount, zInt32 } from './fields.ts';
import { CATEGORIES, GROUP, VERSION } from './group.ts';
import { zModel } from './model-spec.ts';
import { AGE_COLUMN, queueColumn, statusColumn } from './printer-columns.ts';
import { withRules } from './rules.ts';
import { IMMUTABLE_SETTINGS, runSettings, zBudgets } from './run-settings.ts';
import { runStatus, zIndexSet, zMissingRate, zOutcomeCounts, zResults } from './run-status.ts';
import { zSandbox } from './sandbox-spec.ts';
import { zTaskSource } from './task-source.ts';

const zSpec = withRules(
  z
    .object({
      tasks: zTaskSource,
      agent: zAgent,
      model: zModel.optional(),
      samples: zInt32(1, 1000).default(1).describe('Rollouts of each task.'),
      budgets: zBudgets.prefault({}),
      ...runSettings,
      sandbox: zSandbox.prefault({}),
      exports: zExports,
    })
    .describe('These tasks, so many samples each, by this agent with this model.'),
  agentModelRules,
);

const zRollouts = z
  .object({
    planned: zCount.describe('Rollouts of the plan, those that cannot be graded included.'),
    pending: zCount.optional().describe('Not started yet.'),
    active: zCount.optional().describe('With a running attempt.'),
    verifying: zCount.optional().describe('Agent ended, verdict awaited.'),
    decided: zCount.describe('With an outcome.'),
  })
  .describe('Rollouts by state.');

const zStatus = z
  .object({
    observedGeneration: zObservedGeneration,
    ...runStatus,
    rollouts: zRollouts.optional(),
    outcomes: zOutcomeCounts,
    missingRate: zMissingRate,
    decidedIndexes: zIndexSet(
      'Decided rollouts by position in the plan, as ranges. Absent where too long.',
    ),
    failedIndexes: zIndexSet(
      'Rollouts that ended as missing data, as ranges. Absent where too long.',
    ),
    attempts: zCount.optional().describe('Attempts so far.'),
    infraFailures: zCount.optional().describe('Attempts that ended by infrastructure failure.'),
    disruptions: zCount.optional().describe('Attempts that ended by disruption.'),
    results: zResults,
    exports: zExportStatuses,
    conditions: zConditions,
  })
  .describe('Counts and conditions, rebuilt from the record store.');

export const rolloutBatch = defineResource({
  group: GROUP,
  version: VERSION,
  kind: 'RolloutBatch',
  plural: 'rolloutbatches',
  singular: 'rolloutbatch',
  shortNames: ['rbatch'],
  categories: CATEGORIES,
  description:
    'A RolloutBatch runs an agent on tasks, so many samples a task, durably and each rollout counted once.',
  spec: zSpec,
  status: zStatus,
  printerColumns: [
    {
      name: 'Done',
      type: 'string',
      jsonPath: '.status.progress',
      description: 'Decided of planned.',
    },
    {
      name: 'Active',
      type: 'integer',
      jsonPath: '.status.rollouts.active',
      description: 'Running attempts.',
    },
    {
      name: 'Missing',
      type: 'string',
      jsonPath: '.status.missingRate',
      description: 'Missing-data rate.',
    },
    statusColumn('What the batch is doing.'),
    {
      name: 'Agent',
      type: 'string',
      jsonPath: '.spec.agent.name',
      description: 'Agent.',
      priority: 1,
    },
    {
      name: 'Model',
      type: 'string',
      jsonPath: '.spec.model.name',
      description: 'Model.',
      priority: 1,
    },
    queueColumn('.spec.sandbox.queueName'),
    AGE_COLUMN,
  ],
  selectableFields: ['.spec.agent.name', '.spec.suspend'],
  immutable: [
    'tasks',
    'agent',
    'model',
    'samples',
    'budgets',
    'sandbox',
    'exports',
    ...IMMUTABLE_SETTINGS,
  ],
  validations: [],
});
export type RolloutBatch = z.infer<typeof rolloutBatch.schema>;
