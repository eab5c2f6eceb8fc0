import { asBatchId } from '../../base/brand.ts';
import type { BatchNotes } from '../../store/cluster-records.ts';
import { stepBatchName } from './rl-run.ts';
import {
  type FrozenStep,
  noteText,
  readStepNotes,
  type StepNotes,
  type Trained,
} from './step-notes.ts';

/** Where a run's steps are kept: what a method returned from is durable. */
export interface StepRows {
  /** Of a step, from 1; without a frozen part where it is not frozen yet. */
  read(step: number): Promise<StepNotes>;
  keepFrozen(frozen: FrozenStep): Promise<void>;
  keepTrained(step: number, trained: Trained): Promise<void>;
}

/** Steps as notes of their batches, which are named after the run and the step. */
export function noteSteps(run: string, records: BatchNotes): StepRows {
  const batch = (step: number) => asBatchId(stepBatchName(run, step));
  return {
    read: async (step) => readStepNotes(await records.batchNotes(batch(step))),
    keepFrozen: (frozen) => records.setBatchNote(batch(frozen.step), 'rlStep', noteText(frozen)),
    keepTrained: (step, trained) =>
      records.setBatchNote(batch(step), 'rlTrained', noteText(trained)),
  };
}
