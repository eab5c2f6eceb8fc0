import { z } from 'zod';
import { zConditions, zObservedGeneration } from './conditions.ts';
import { defineResource } from './define-resource.ts';
import { zDecimal, zDigest, zSeconds, zTaskId, zText } from './fields.ts';
import { CATEGORIES, GROUP, VERSION } from './group.ts';
import { AGE_COLUMN } from './printer-columns.ts';
import { exactlyOneOf, withRules } from './rules.ts';
import {
  zEnvironment,
  zInstruction,
  zOutputs,
  zRubric,
  zSolution,
  zVerifier,
  zWorkspace,
} from './task-fields.ts';

/** The task model of src/tasks in the form that people write by hand. */
const zTaskBody = withRules(
  z
    .object({
      id: zTaskId
        .optional()
        .describe('Id of the task, unique in its task set. Absent: metadata.name.'),
      instruction: zInstruction,
      workspace: zWorkspace.prefault({}),
      outputs: zOutputs,
      verifier: zVerifier.optional(),
      rubric: zRubric,
      weights: z
        .object({
          code: zDecimal.default('0.7').describe('Weight of the code verifier.'),
          rubric: zDecimal.default('0.3').describe('Weight of the rubric.'),
        })
        .prefault({})
        .describe('Weights of the hybrid score, used where a task has both halves.'),
      solution: zSolution.optional(),
      environment: zEnvironment.prefault({}),
      timeouts: z
        .object({
          agentSeconds: zSeconds(1, 604_800).default(900).describe('Time of the agent.'),
          verifierSeconds: zSeconds(1, 86_400).default(60).describe('Time of the verifier.'),
        })
        .prefault({})
        .describe('Time-outs.'),
      category: z.string().max(253).optional().describe('Category, for tables.'),
      cluster: z
        .string()
        .max(253)
        .optional()
        .describe('Lineage: tasks made from one seed share it; the unit of clustered errors.'),
      licence: z.string().max(253).optional().describe('SPDX expression of the task.'),
    })
    .describe('A task written out.'),
  [
    {
      rule: 'has(self.verifier) || has(self.rubric)',
      message: 'a task needs a verifier, a rubric or both',
      holds: (self) => self.verifier !== undefined || self.rubric !== undefined,
    },
  ],
);

const zSpec = withRules(
  z
    .object({
      task: zTaskBody.optional(),
      taskSetRef: z
        .object({
          digest: zDigest.describe('Task-set artifact in the artifact store, by SHA-256.'),
          taskId: zTaskId.describe('Id of the task in the set.'),
        })
        .optional()
        .describe('A task of a stored task set.'),
      suspend: z.boolean().default(false).describe('True: the gates do not run.'),
    })
    .describe('The task.'),
  [exactlyOneOf(['task', 'taskSetRef'], 'spec')],
);

const zStatus = z
  .object({
    observedGeneration: zObservedGeneration,
    digest: zDigest.optional().describe('Digest of the task that the gates were run on.'),
    agentCode: z
      .enum(['none', 'child', 'in-process'])
      .optional()
      .describe('Whether the verifier runs what the agent wrote.'),
    gates: zText(32).optional().describe('Passed gates of all gates, for example "6/7".'),
    conditions: zConditions,
  })
  .describe('What the gates found: one condition a gate, and Ready.');

export const clawTask = defineResource({
  group: GROUP,
  version: VERSION,
  kind: 'ClawTask',
  plural: 'clawtasks',
  singular: 'clawtask',
  shortNames: ['ctask'],
  categories: CATEGORIES,
  description:
    'A ClawTask is one task: an instruction, a workspace, and how the result is verified. Its gates say whether it is sound.',
  spec: zSpec,
  status: zStatus,
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether every gate passed.',
    },
    { name: 'Gates', type: 'string', jsonPath: '.status.gates', description: 'Passed gates.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why the task is ready or not.',
    },
    {
      name: 'Category',
      type: 'string',
      jsonPath: '.spec.task.category',
      description: 'Category of the task.',
      priority: 1,
    },
    {
      name: 'Digest',
      type: 'string',
      jsonPath: '.status.digest',
      description: 'Digest of the task.',
      priority: 1,
    },
    AGE_COLUMN,
  ],
  selectableFields: ['.spec.task.category', '.status.digest'],
  immutable: [],
  validations: [],
});
export type ClawTask = z.infer<typeof clawTask.schema>;
