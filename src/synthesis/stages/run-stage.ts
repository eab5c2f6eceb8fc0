import type { Stage } from '../stage-names.ts';
import { draftStage } from './draft.ts';
import { gatesStage } from './gates.ts';
import { judgeStage } from './judge.ts';
import { resourcesStage } from './resources.ts';
import { rubricStage } from './rubric.ts';
import { solutionStage } from './solution.ts';
import type { RunStage } from './stage.ts';
import { trialStage } from './trial.ts';
import { verifierStage } from './verifier.ts';

/** Novelty is decided in order of number, over all records: see admit.ts. */
export const RUN_STAGE: Readonly<Record<Exclude<Stage, 'novelty'>, RunStage>> = {
  draft: draftStage,
  resources: resourcesStage,
  solution: solutionStage,
  verifier: verifierStage,
  trial: trialStage,
  rubric: rubricStage,
  judge: judgeStage,
  gates: gatesStage,
};
