import type { TrainingState } from '../../../src/protocol/training-api.ts';

/** A Job of a run's trainers, as far as decisions need it. */
export interface TrainerJobFact {
  readonly name: string;
  readonly uid: string;
  /** Condition Complete or Failed. */
  readonly finished: boolean;
  /** Set by somebody else: we never write `spec.suspend`. Their words. */
  readonly suspended: string | undefined;
  readonly deleting: boolean;
}

/** A pod of a run, as far as decisions need it. */
export interface TrainerPodFact {
  readonly name: string;
  readonly jobUid: string;
  /** Nothing more can come from it. */
  readonly over: boolean;
  /** Over because its node does not answer. */
  readonly stuck: boolean;
  /** How its trainer ended, or what comes before it. */
  readonly exit:
    | { readonly container: string; readonly code: number; readonly words: string }
    | undefined;
  /** Why it was taken away. */
  readonly disruption: string | undefined;
  /** The scheduler's words, while it finds no place. */
  readonly unschedulable: string | undefined;
  /** The kubelet's words, while an image cannot be pulled. */
  readonly imageProblem: string | undefined;
  /** Its trainer runs. */
  readonly training: boolean;
}

/** To train, to stand still, or to end undone. */
export type Mode = 'run' | 'pause' | 'stop';

export interface Observed {
  readonly mode: Mode;
  readonly state: TrainingState;
  /** Name of the Job of the start that is wanted. */
  readonly jobName: string;
  readonly jobs: readonly TrainerJobFact[];
  readonly pods: readonly TrainerPodFact[];
  /** What went with a Job that is gone was ended by us, to go on later. */
  readonly pausing: boolean;
  /** False: no new Job; what runs goes on. */
  readonly mayStart: boolean;
  readonly deadlineSeconds: number | undefined;
}
