import { z } from 'zod';
import { zConditions, zObservedGeneration } from './conditions.ts';
import { defineResource } from './define-resource.ts';
import { zCount, zDigest, zFraction, zInt32, zText, zTime } from './fields.ts';
import { CATEGORIES, GROUP, VERSION } from './group.ts';
import { zAtomicList, zListMap } from './lists.ts';
import { zModel } from './model-spec.ts';
import { AGE_COLUMN, statusColumn } from './printer-columns.ts';
import { exactlyOneOf, withRules } from './rules.ts';
import { runSettings } from './run-settings.ts';
import { zSandbox } from './sandbox-spec.ts';
import { zSynthesisRoutes } from './synthesis-routes.ts';

const zAgainst = withRules(
  z
    .object({
      digest: zDigest.optional().describe('Task-set artifact in the artifact store, by SHA-256.'),
      path: zText(4096)
        .optional()
        .describe('Folder or file of tasks, relative to the manifest. Local engine only.'),
    })
    .describe('Tasks that no accepted task may resemble, for example a benchmark.'),
  [exactlyOneOf(['digest', 'path'], 'a set of novelty.against')],
);

const zSpec = z
  .object({
    target: zInt32(1, 1_000_000).describe('Accepted tasks at which the job is complete.'),
    seed: zInt32(0).default(0).describe('Seed of the sampling: the same seed, the same seeds.'),
    routes: zSynthesisRoutes,
    models: z
      .object({
        generator: zModel.describe('Writes tasks, files, solutions and verifiers.'),
        judge: zModel.describe('Looks at a whole task; better another model than the generator.'),
      })
      .describe('Which model plays which role.'),
    rubric: z
      .enum(['none', 'whereNeeded'])
      .default('whereNeeded')
      .describe('whereNeeded: the generator may add rules for what code cannot check.'),
    gates: z
      .object({
        lazyCeiling: zFraction
          .default('0.30')
          .describe('Most that empty files at the named paths may earn, as a decimal string.'),
      })
      .prefault({})
      .describe('Bounds of the admission gates.'),
    novelty: z
      .object({
        maxSimilarity: zFraction
          .default('0.70')
          .describe(
            'An instruction that shares more than this of its word sequences with an earlier one is a duplicate; a decimal string.',
          ),
        against: zAtomicList(zAgainst, {
          max: 16,
          description: 'Task sets that the tasks are compared with, beside each other.',
        }).optional(),
      })
      .prefault({})
      .describe('How different the tasks must be.'),
    budgets: z
      .object({
        tokens: zCount
          .min(1)
          .optional()
          .describe('Input and output tokens of all model calls. Absent: no bound.'),
        records: zInt32(1, 10_000_000)
          .optional()
          .describe('Records that may be begun. Absent: ten times the target.'),
      })
      .prefault({})
      .describe('What the job may use; a used-up budget ends it with the tasks that it has.'),
    parallelism: zInt32(1, 1000)
      .optional()
      .describe("Records at a time. Absent: the engine's choice. May change during a run."),
    suspend: z
      .boolean()
      .default(false)
      .describe('True: nothing runs and nothing new starts; finished work is kept.'),
    activeDeadlineSeconds: runSettings.activeDeadlineSeconds,
    ttlSecondsAfterFinished: runSettings.ttlSecondsAfterFinished,
    sandbox: zSandbox
      .prefault({})
      .describe(
        'Placement and size of the pods that try candidates; the worker is placed like them. A change holds for pods that are made later. The local engine ignores it.',
      ),
  })
  .describe('How many tasks, from which seeds, by which models, and what they must pass.');

const zStageYield = z
  .object({
    stage: zText(32).describe('Stage of the pipeline.'),
    entered: zCount.describe('Records that reached it.'),
    passed: zCount.describe('Records that left it for the next stage.'),
    rejected: zCount.describe('Records that it rejected.'),
  })
  .describe('What one stage let through.');

const zRejections = z
  .object({
    reason: zText(64).describe('CamelCase reason of the rejection.'),
    count: zCount.describe('Records that were rejected for it.'),
  })
  .describe('Rejected records of one reason.');

const zStatus = z
  .object({
    observedGeneration: zObservedGeneration,
    target: zCount.optional().describe('Wanted tasks.'),
    accepted: zCount.optional().describe('Accepted tasks.'),
    records: zCount.optional().describe('Records that were begun.'),
    progress: zText(64).optional().describe('Accepted of wanted tasks, for example "12/24".'),
    stages: zListMap(zStageYield, 'stage', {
      max: 32,
      description: 'Yield by stage, in their order.',
    }).optional(),
    rejections: zListMap(zRejections, 'reason', {
      max: 64,
      description: 'Rejected records by reason.',
    }).optional(),
    inputTokens: zCount.optional().describe('Input tokens of all model calls.'),
    outputTokens: zCount.optional().describe('Output tokens of all model calls.'),
    taskSet: zDigest.optional().describe('Digest of the accepted tasks; set at the end.'),
    startTime: zTime.optional().describe('When the first record was begun.'),
    completionTime: zTime.optional().describe('When the task set was written.'),
    conditions: zConditions,
  })
  .describe('Counts and conditions, rebuilt from the record store.');

export const synthesisJob = defineResource({
  group: GROUP,
  version: VERSION,
  kind: 'SynthesisJob',
  plural: 'synthesisjobs',
  singular: 'synthesisjob',
  shortNames: ['synth'],
  categories: CATEGORIES,
  description:
    'A SynthesisJob makes so many sound and novel tasks: models write them, sandboxes and gates prove them.',
  spec: zSpec,
  status: zStatus,
  printerColumns: [
    {
      name: 'Accepted',
      type: 'string',
      jsonPath: '.status.progress',
      description: 'Accepted of wanted tasks.',
    },
    {
      name: 'Records',
      type: 'integer',
      jsonPath: '.status.records',
      description: 'Records that were begun.',
    },
    statusColumn('What the job is doing.'),
    {
      name: 'Task Set',
      type: 'string',
      jsonPath: '.status.taskSet',
      description: 'Digest of the accepted tasks.',
      priority: 1,
    },
    AGE_COLUMN,
  ],
  selectableFields: ['.spec.suspend'],
  immutable: ['target', 'seed', 'routes', 'models', 'rubric', 'gates', 'novelty'],
  validations: [],
});
export type SynthesisJob = z.infer<typeof synthesisJob.schema>;
