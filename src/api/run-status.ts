import { z } from 'zod';
import { zCount, zDigest, zFraction, zText, zTime } from './fields.ts';
import { zListMap } from './lists.ts';

/** The outcome words of rollouts/outcome.ts; a test keeps the two equal. */
export const OUTCOME_NAMES = [
  'scored',
  'agent_timeout',
  'agent_error',
  'budget_exhausted',
  'infra_error',
  'verifier_error',
  'judge_error',
  'cancelled',
  'not_gradable',
] as const;

/** How many rollouts ended how. */
export const zOutcomeCounts = zListMap(
  z
    .object({
      outcome: z.enum(OUTCOME_NAMES).describe('Class of finished rollouts.'),
      count: zCount.describe('How many.'),
    })
    .describe('Rollouts of one outcome.'),
  'outcome',
  { max: 32, description: 'Decided rollouts by outcome.' },
).optional();

export const zMissingRate = zFraction
  .optional()
  .describe('Share of planned, gradable rollouts that ended as missing data, as a decimal string.');

/** Characters of a set of indexes; a longer one is left out of a status. */
export const MAX_INDEX_SET = 65_536;

/** Indexes of rollouts in plan order, range-compressed: "0-4,7,9-11". */
export const zIndexSet = (description: string) =>
  z
    .string()
    .max(MAX_INDEX_SET)
    .regex(/^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$/)
    .optional()
    .describe(description);

export const zResults = z
  .object({
    digest: zDigest.describe('Results artifact in the artifact store, by SHA-256.'),
  })
  .optional()
  .describe('Where the complete results are.');

export const runStatus = {
  taskSet: zDigest.optional().describe('Digest of the frozen task set.'),
  startTime: zTime
    .optional()
    .describe(
      'When the first attempt was allowed to start; set anew when a suspended run goes on.',
    ),
  completionTime: zTime.optional().describe('When the last rollout was decided.'),
  progress: zText(64).optional().describe('Decided of planned rollouts, for example "12/60".'),
};
