import type { TrainingRun, TrainingStatus } from '../../../operator/controllers/shared/kinds.ts';
import type {
  TrainerJobFact,
  TrainerPodFact,
} from '../../../operator/controllers/trainingrun/observed.ts';
import type { TrainingView } from '../../../operator/controllers/trainingrun/view.ts';
import { trainingRun } from '../../../src/api/training-run.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import type { RlState } from '../../../src/protocol/rl-api.ts';
import type { TrainingState } from '../../../src/protocol/training-api.ts';
import { rlSpec } from '../rl/rl-bed.ts';
import { sampleTrainingRun } from '../training-samples.ts';

export const BASE = asSha256('a'.repeat(64));
export const MODEL = asSha256('b'.repeat(64));
export const TASKS = asSha256('c'.repeat(64));

/** A run as the API server hands it out, with the defaults filled in. */
export function aTrainingRun(spec: object = {}, status?: TrainingStatus): TrainingRun {
  const { apiVersion, kind } = trainingRun;
  const metadata = { name: 'sft', namespace: 'lab', uid: 'uid-run', generation: 3 };
  const { spec: sample } = sampleTrainingRun({ ...spec });
  const parsed = trainingRun.schema.parse({
    apiVersion,
    kind,
    metadata: { name: 'sft' },
    spec: sample,
  });
  return { apiVersion, kind, metadata, spec: parsed.spec, ...(status && { status }) };
}

/** The same of a reinforcement run. */
export const anRlRun = (): TrainingRun => ({
  ...aTrainingRun(),
  spec: trainingRun.spec.parse(rlSpec()),
});

/** What the server knows of a run in the middle of its second start. */
export const aTrainingState = (more: Partial<TrainingState> = {}): TrainingState => ({
  uid: 'uid-run',
  inputs: { base: BASE, template: BASE, image: 'i' },
  attempt: 2,
  restarts: { failures: 0, disruptions: 0 },
  progress: { step: 4, totalSteps: 10 },
  ...more,
});

export const anRlState = (more: Partial<RlState> = {}): RlState => ({
  ...{ taskSet: TASKS, evaluationTaskSet: TASKS, steps: 9, step: 2, policyVersion: 2 },
  ...{ policyModel: MODEL, trainedTokens: 70, evaluations: [], over: false },
  ...more,
});

export const aTrainerJob = (more: Partial<TrainerJobFact> = {}): TrainerJobFact => ({
  ...{ name: 'run-t2', uid: 'job-2', finished: false, suspended: undefined, deleting: false },
  ...more,
});

export const aTrainerPod = (more: Partial<TrainerPodFact> = {}): TrainerPodFact => ({
  ...{ name: 'run-t2-0', jobUid: 'job-2', over: false, stuck: false, exit: undefined },
  ...{ disruption: undefined, unschedulable: undefined, imageProblem: undefined, training: true },
  ...more,
});

/** A run whose trainer is at work. */
export const aTrainingView = (more: Partial<TrainingView> = {}): TrainingView => ({
  ...{ run: aTrainingRun(), mode: 'run', state: aTrainingState(), jobs: [aTrainerJob()] },
  ...{ pods: [aTrainerPod()], problem: undefined, rl: undefined, serverAway: undefined },
  ...{ forbidden: undefined, storeFull: false },
  ...more,
});

/** States that it comes to, and what runs of it. */
export const COMPLETE = aTrainingState({ end: { state: 'complete', model: MODEL } });
export const FAILED = aTrainingState({
  end: { state: 'failed', reason: 'Diverged', message: 'nan' },
});
export const NOTHING = { jobs: [], pods: [] };
export const OVER = {
  jobs: [aTrainerJob({ finished: true })],
  pods: [aTrainerPod({ over: true })],
};
