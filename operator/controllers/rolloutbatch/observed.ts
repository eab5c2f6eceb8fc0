import type { JobOverCause } from '../../../src/protocol/claw-gym-server.ts';
import type { BatchState } from '../../../src/protocol/operator-api.ts';
import type { BatchSpec } from '../shared/kinds.ts';

/** Why a Job of ours is being ended. */
export type EndingCause = Extract<JobOverCause, 'paused' | 'deadline' | 'replaced'>;

/** A Job of the batch, as far as decisions need it. */
export interface JobFact {
  readonly name: string;
  readonly uid: string;
  readonly parallelism: number;
  /** Condition Complete or Failed: the Job controller makes no more pods. */
  readonly finished: boolean;
  /** Set by somebody else: we never write `spec.suspend`. Their words. */
  readonly suspended: string | undefined;
  /** From the annotation that is written before the deletion. */
  readonly ending: EndingCause | undefined;
  readonly deleting: boolean;
  /** Address and CA of the server that its pods were given. */
  readonly mark: string | undefined;
}

/** A pod of the batch, as far as decisions need it. */
export interface PodFact {
  readonly uid: string;
  readonly name: string;
  readonly jobUid: string;
  /** Nothing more can come from it: ended, gone, or on a node that is lost. */
  readonly over: boolean;
  /** Foreign code has not run in it yet: not scheduled, or still being prepared. */
  readonly pending: boolean;
  /** Over because its node does not answer: the object stays until the node comes back. */
  readonly stuck: boolean;
  /** Phase Succeeded or Failed: a sweep would take it. */
  readonly swept: boolean;
  /** The server has its last evidence. */
  readonly reported: boolean;
  /** The scheduler's words, while it finds no place. */
  readonly unschedulable: string | undefined;
  /** The kubelet's words, while an image cannot be pulled. */
  readonly imageProblem: string | undefined;
  /** Its main container has not started `startDeadlineSeconds` after scheduling. */
  readonly startOverdue: boolean;
}

/**
 * Finished pods in the view that a sweep goes by, which is older than `pods`: while rollouts run there is
 * always one that ended since, and that one is out of a sweep's reach.
 */
export interface FinishedPods {
  /** The server has their evidence. */
  readonly told: number;
  /** The server did not take their evidence. */
  readonly untold: number;
}

/** What the batch wants at this moment: to run, to stand still, or to end undone. */
export type Mode = 'run' | 'pause' | 'stop';

export interface Observed {
  readonly batch: {
    readonly name: string;
    readonly uid: string;
    readonly spec: Pick<BatchSpec, 'parallelism' | 'sandbox'>;
  };
  readonly mode: Mode;
  readonly state: BatchState;
  /** Jobs that the batch controls. */
  readonly jobs: readonly JobFact[];
  readonly pods: readonly PodFact[];
  readonly finished: FinishedPods;
  /** Address and CA of the server now. */
  readonly mark: string;
  /** False: no further Job; what runs goes on. */
  readonly mayStart: boolean;
  /** Names of Jobs that a live read has just not found. */
  readonly absent: ReadonlySet<string>;
  /** Where the spec names no parallelism. */
  readonly defaultParallelism: number;
}
