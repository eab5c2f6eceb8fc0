import { z } from 'zod';

/**
 * The stages that a record goes through after it is sampled, in their order. `trial` runs verifier and
 * solution and asks for repairs; `gates` runs every admission gate on the finished task.
 */
export const STAGES = [
  'draft',
  'resources',
  'solution',
  'verifier',
  'trial',
  'rubric',
  'judge',
  'gates',
  'novelty',
] as const;
export const zStage = z.enum(STAGES);
export type Stage = z.infer<typeof zStage>;

/** A stage that is to be run, or an end. */
export type RecordStage = Stage | 'accepted' | 'rejected';

export const isEnd = (stage: RecordStage): stage is 'accepted' | 'rejected' =>
  stage === 'accepted' || stage === 'rejected';

/** The stage after this one. */
export function stageAfter(stage: Stage): RecordStage {
  return STAGES[STAGES.indexOf(stage) + 1] ?? 'accepted';
}
