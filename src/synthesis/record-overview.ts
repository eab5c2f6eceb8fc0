import { z } from 'zod';
import type { SynthesisRecord } from './record.ts';
import { isEnd, zStage } from './stage-names.ts';

/** How one record stands and what it was made from, without the files that models wrote. */
export const zRecordOverview = z.object({
  /** From 1, in order of sampling. */
  number: z.int(),
  outcome: z.enum(['accepted', 'rejected', 'open']),
  /** The one that rejected it, or that runs next; absent once it is accepted. */
  stage: zStage.optional(),
  /** CamelCase; of a rejection. */
  reason: z.string().optional(),
  message: z.string().optional(),
  route: z.enum(['persona', 'skill']),
  /** Id of the persona, or of the skills, the primary one first. */
  seeds: z.array(z.string()),
  category: z.string(),
  title: z.string().optional(),
  /** Answered model calls. */
  calls: z.int(),
  repairs: z.int(),
  /** Digest of the task that passed the gates. */
  task: z.string().optional(),
});
export type RecordOverview = z.infer<typeof zRecordOverview>;

export function recordOverview({ number, stage, data }: SynthesisRecord): RecordOverview {
  const { sample, draft, calls, repairs, rejection, task } = data;
  return {
    number,
    outcome: isEnd(stage) ? stage : 'open',
    stage: isEnd(stage) ? rejection?.stage : stage,
    reason: rejection?.reason,
    message: rejection?.message,
    route: sample.route,
    seeds:
      sample.route === 'persona'
        ? [sample.persona.id]
        : [sample.primary, ...sample.supporting].map(({ id }) => id),
    category: sample.category.id,
    title: draft?.title,
    calls: calls.length,
    repairs: repairs.length,
    task,
  };
}
