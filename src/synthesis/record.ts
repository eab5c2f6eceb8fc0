import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { SynthesisRecordRow } from '../store/synthesis-records.ts';
import { zSample } from './sample.ts';
import { type RecordStage, zStage } from './stage-names.ts';

/** A text file of a task, before there is a task. */
export const zTextFile = z.strictObject({ path: z.string(), text: z.string() });

/** What is asked, as the generator drafted it. */
export const zDraft = z.strictObject({
  title: z.string(),
  instruction: z.string(),
  files: z.array(z.strictObject({ path: z.string(), purpose: z.string() })),
  outputs: z.array(z.string()),
  expected: z.array(z.string()),
  difficulty: z.int(),
});
export type Draft = z.infer<typeof zDraft>;

const zRule = z.strictObject({
  name: z.string(),
  path: z.string(),
  anchors: z.strictObject({
    '0': z.string(),
    '0.25': z.string(),
    '0.5': z.string(),
    '0.75': z.string(),
    '1': z.string(),
  }),
});
export type RubricRule = z.infer<typeof zRule>;

const zRejection = z.strictObject({
  stage: zStage,
  /** CamelCase. */
  reason: z.string(),
  message: z.string(),
});

/** Everything that the stages so far made of a record: its checkpoint. */
export const zRecordData = z.strictObject({
  sample: zSample,
  /** What was wrong with each answer to the stage at hand. */
  malformed: z.array(z.string()).default([]),
  /** Ids of all answered model calls, in order. */
  calls: z.array(z.string()).default([]),
  draft: zDraft.optional(),
  files: z.array(zTextFile).optional(),
  solution: z.array(zTextFile).optional(),
  verifier: z.array(zTextFile).optional(),
  /** What each repair was asked for. */
  repairs: z.array(z.string()).default([]),
  /** Absent rules: nothing is left that code cannot check. */
  rubric: z.array(zRule).optional(),
  gates: z
    .array(z.strictObject({ gate: z.string(), reason: z.string(), message: z.string() }))
    .optional(),
  /** Digest of the task that passed the gates. */
  task: z.string().optional(),
  rejection: zRejection.optional(),
});
export type RecordData = z.infer<typeof zRecordData>;

/** A row with its data read. */
export interface SynthesisRecord extends Omit<SynthesisRecordRow, 'data' | 'stage'> {
  readonly stage: RecordStage;
  readonly data: RecordData;
}

/** Throws `StoreUnavailable` where another version wrote the row. */
export function readRecord(row: SynthesisRecordRow): SynthesisRecord {
  const stage = zStage.or(z.enum(['accepted', 'rejected'])).safeParse(row.stage);
  const data = zRecordData.safeParse(parseJson(row.data));
  if (stage.success && data.success) return { ...row, stage: stage.data, data: data.data };
  throw new ClawError(
    'StoreUnavailable',
    `record ${row.number} of synthesis ${row.job} does not have the form of this version; use the version that began the job, or another output folder`,
  );
}
