import type { TrainingState } from '../../protocol/training-api.ts';
import { planSteps } from '../../training/plan-steps.ts';
import type { StoredTraining } from './training-row.ts';

/** What the controller is told of a run. */
export function trainingState({ row, spec, inputs, data }: StoredTraining): TrainingState {
  const { base, data: ofData, template, image, rows } = inputs;
  const { checkpoint, modelFiles: _files, endedAt: _at, said: _said, progress, ...rest } = data;
  const planned = rows === undefined ? undefined : planSteps(spec.hyper, rows);
  const totalSteps = progress.totalSteps ?? spec.rl?.steps ?? planned;
  return {
    uid: row.uid,
    inputs: { base, data: ofData, template, image },
    ...rest,
    progress: { ...progress, totalSteps },
    ...(checkpoint && { checkpoint: { step: checkpoint.step } }),
  };
}
