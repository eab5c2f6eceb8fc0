import { z } from 'zod';
import { zCount, zDigest, zFraction, zInt32, zName } from './fields.ts';
import { zListMap, zScalarSet } from './lists.ts';

const zExportName = zName(32);

/** Outcomes that are an agent's own result; missing data teaches nothing. */
const zOutcome = z
  .enum(['scored', 'agent_timeout', 'agent_error', 'budget_exhausted'])
  .describe("An outcome that is the agent's own result.");

const zExport = z
  .object({
    name: zExportName.describe('Name of the export, unique in the batch.'),
    format: z
      .enum(['messages-tools'])
      .describe('messages-tools: conversations in the shape of chat completions, one a line.'),
    minScore: zFraction.default('0.5').describe('Least score of a rollout that is taken.'),
    outcomes: zScalarSet(zOutcome, {
      min: 1,
      max: 4,
      description: 'Outcomes that are taken. Absent: scored alone.',
    }).optional(),
    validationPercent: zInt32(0, 100)
      .default(0)
      .describe('Percent of the task lineages that are kept apart for validation.'),
    seed: zInt32(0).default(0).describe('Seed of that choice.'),
  })
  .describe('Rows for training, made once when every rollout is decided.');
export type ExportSpec = z.infer<typeof zExport>;

export const zExports = zListMap(zExport, 'name', {
  max: 8,
  description: 'What is made of the finished rollouts.',
}).optional();

export const zExportStatuses = zListMap(
  z
    .object({
      name: zExportName.describe('Name of the export.'),
      digest: zDigest.describe('Manifest artifact in the artifact store; it names the files.'),
      rollouts: zCount.describe('Rollouts that are taken.'),
      rows: zCount.describe('Rows of all files.'),
    })
    .describe('One export.'),
  'name',
  { max: 8, description: 'Exports that are made.' },
).optional();
