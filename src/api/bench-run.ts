import { z } from 'zod';
import { agentModelRules, zAgent } from './agent-spec.ts';
import { zConditions, zObservedGeneration } from './conditions.ts';
import { defineResource } from './define-resource.ts';
import { zCount, zFraction, zInt32, zName, zText } from './fields.ts';
import { CATEGORIES, GROUP, VERSION } from './group.ts';
import { zListMap } from './lists.ts';
import { zModel } from './model-spec.ts';
import { AGE_COLUMN, statusColumn } from './printer-columns.ts';
import { withRules } from './rules.ts';
import { IMMUTABLE_SETTINGS, runSettings, zBudgets } from './run-settings.ts';
import { runStatus, zMissingRate, zOutcomeCounts, zResults } from './run-status.ts';
import { zSandbox } from './sandbox-spec.ts';
import { zTaskSource } from './task-source.ts';

const zArmName = zName(32);

const zArm = withRules(
  z
    .object({
      name: zArmName.describe('Name of the arm, unique in the bench.'),
      agent: zAgent,
      model: zModel.optional(),
      budgets: zBudgets
        .optional()
        .describe("Budgets of this arm, instead of the bench's as a whole."),
    })
    .describe('One agent with one model.'),
  agentModelRules,
);

const zSpec = z
  .object({
    tasks: zTaskSource,
    arms: zListMap(zArm, 'name', { min: 1, max: 32, description: 'What is compared.' }),
    attempts: zInt32(1, 1000).default(1).describe('Rollouts of each task in each arm.'),
    budgets: zBudgets.prefault({}),
    ...runSettings,
    sandbox: zSandbox.prefault({}),
  })
  .describe('The same tasks for every arm.');

const zArmStatus = z
  .object({
    name: zArmName.describe('Name of the arm.'),
    rolloutBatchName: zText(63).optional().describe('The RolloutBatch that runs the arm.'),
    planned: zCount.optional().describe('Planned rollouts.'),
    decided: zCount.optional().describe('Decided rollouts.'),
    score: zFraction.optional().describe('Mean final score of the arm.'),
    scoreLow: zFraction.optional().describe('Lower end of the 95 % interval of the mean.'),
    scoreHigh: zFraction.optional().describe('Upper end of the 95 % interval of the mean.'),
    coverage: zFraction.optional().describe('Share of gradable rollouts with a result.'),
    missingRate: zMissingRate,
    outcomes: zOutcomeCounts,
    tokens: zCount.optional().describe('Tokens of all model calls.'),
    seconds: zCount.optional().describe('Agent seconds of all attempts.'),
  })
  .describe('Summary of one arm.');

const zStatus = z
  .object({
    observedGeneration: zObservedGeneration,
    ...runStatus,
    arms: zListMap(zArmStatus, 'name', { max: 32, description: 'Summary by arm.' }).optional(),
    scores: zText(1024).optional().describe('Scores of the arms on one line, for tables.'),
    coverage: zFraction.optional().describe('Lowest coverage of the arms.'),
    results: zResults,
    report: zText(1024).optional().describe('Command that writes the report.'),
    conditions: zConditions,
  })
  .describe('Summary; the complete results are an artifact.');

export const benchRun = defineResource({
  group: GROUP,
  version: VERSION,
  kind: 'BenchRun',
  plural: 'benchruns',
  singular: 'benchrun',
  shortNames: ['bench'],
  categories: CATEGORIES,
  description:
    'A BenchRun measures how well models and agents do on tasks: one RolloutBatch an arm, then statistics and a report.',
  spec: zSpec,
  status: zStatus,
  printerColumns: [
    {
      name: 'Score',
      type: 'string',
      jsonPath: '.status.scores',
      description: 'Scores of the arms.',
    },
    {
      name: 'Coverage',
      type: 'string',
      jsonPath: '.status.coverage',
      description: 'Lowest coverage.',
    },
    statusColumn('What the bench is doing.'),
    {
      name: 'Done',
      type: 'string',
      jsonPath: '.status.progress',
      description: 'Decided of planned.',
      priority: 1,
    },
    AGE_COLUMN,
  ],
  selectableFields: ['.spec.suspend'],
  immutable: ['tasks', 'arms', 'attempts', 'budgets', 'sandbox', ...IMMUTABLE_SETTINGS],
  validations: [],
});
export type BenchRun = z.infer<typeof benchRun.schema>;
