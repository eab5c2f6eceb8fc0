import { z } from 'zod';
import { type TrainingSpec, zTrainingSpec } from '../../api/training-spec.ts';
import { parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { zSha256 } from '../../protocol/fields.ts';
import { zTrainingFile, zTrainingProgress, zTrainingState } from '../../protocol/training-api.ts';
import { INPUT_FOLDERS } from '../../protocol/training-pod-api.ts';
import type { TrainingRow } from '../../store/training-records.ts';

const zInputs = z.object({
  base: zSha256,
  data: zSha256.optional(),
  template: zSha256,
  image: z.string(),
  /** Rows to train on, and the folders of RUN_IN. */
  rows: z.int().optional(),
  folders: z.array(z.object({ folder: z.enum(INPUT_FOLDERS), files: z.array(zTrainingFile) })),
});
export type TrainingInputs = z.infer<typeof zInputs>;

const zFrozen = z.object({ spec: zTrainingSpec, inputs: zInputs });

/** All that changes while a run goes on. */
const zRunData = z.object({
  attempt: z.int().min(1),
  jobUid: z.string().optional(),
  restarts: z.object({ failures: z.int(), disruptions: z.int() }),
  lastEnd: z.string().optional(),
  progress: zTrainingProgress,
  progressAt: z.number().optional(),
  rows: zTrainingState.shape.rows,
  checkpoint: z.object({ step: z.int(), files: z.array(zTrainingFile) }).optional(),
  /** What the trainer said of its failure. */
  said: z.string().optional(),
  startedAt: z.number().optional(),
  end: zTrainingState.shape.end,
  endedAt: z.number().optional(),
  /** Files of the model that it ended with: they stay as long as the row. */
  modelFiles: z.array(zSha256).optional(),
});
export type RunData = z.infer<typeof zRunData>;

/** A run as it is stored. */
export interface StoredTraining {
  readonly row: TrainingRow;
  readonly spec: TrainingSpec;
  readonly inputs: TrainingInputs;
  readonly data: RunData;
}

export const NEW_RUN: RunData = {
  attempt: 1,
  restarts: { failures: 0, disruptions: 0 },
  progress: {},
};

export const frozenText = (spec: TrainingSpec, inputs: TrainingInputs): string =>
  canonicalJson({ spec, inputs });

export const dataText = (data: RunData): string => canonicalJson(data);

export function readTraining(row: TrainingRow): StoredTraining {
  const { spec, inputs } = zFrozen.parse(parseJson(row.spec));
  return { row, spec, inputs, data: zRunData.parse(parseJson(row.data)) };
}

/** Artifacts that the pods of a run may read. */
export function readableBy({ inputs, data }: StoredTraining): ReadonlySet<Sha256> {
  const files = [...inputs.folders.flatMap((one) => one.files), ...(data.checkpoint?.files ?? [])];
  return new Set(files.map(({ sha256 }) => sha256));
}
