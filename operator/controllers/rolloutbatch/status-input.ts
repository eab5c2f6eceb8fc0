import type { BatchState } from '../../../src/protocol/operator-api.ts';
import type { ConditionState } from '../../kube/objects/conditions.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import type { RunReason } from '../shared/vocabulary.ts';
import type { JobFact, Mode, PodFact } from './observed.ts';

/** What keeps a batch from being planned or carried on. */
export type Hindrance =
  /** Nobody has to do anything: it is tried again. */
  | { readonly kind: 'server'; readonly message: string }
  /** Operator and server are of releases that do not understand each other. */
  | { readonly kind: 'protocol'; readonly message: string }
  /** A pod reads the tasks. */
  | { readonly kind: 'reading'; readonly message: string }
  /** The run begins with the end of another object. */
  | {
      readonly kind: 'waiting';
      readonly reason: Extract<RunReason<'Planned'>, 'WaitingForTasks' | 'WaitingForModel'>;
      readonly message: string;
      /** It does not come to its end before somebody does something. */
      readonly held: boolean;
    }
  /** Planning stops here until somebody does something. */
  | {
      readonly kind: 'planning';
      readonly reason: RunReason<'Planned'>;
      readonly message: string;
    };

export interface Forbidden {
  readonly reason: Extract<RunReason<'Progressing'>, 'PodsForbidden' | 'JobsForbidden'>;
  readonly message: string;
}

/** All that a status is drawn from. */
export interface StatusInput {
  readonly batch: RolloutBatch;
  readonly mode: Mode;
  /** Undefined where the server does not know the batch, or could not be asked. */
  readonly state: BatchState | undefined;
  readonly hindrance: Hindrance | undefined;
  readonly jobs: readonly JobFact[];
  readonly pods: readonly PodFact[];
  readonly storeFull: boolean;
  /** At least 85 % full: said beside what the run does. */
  readonly storeFilling: boolean;
  /** Words of the API server, where Jobs, or pods of Jobs, cannot be made. */
  readonly forbidden: Forbidden | undefined;
  /** Why the task source cannot be read any more. */
  readonly sourceGone: string | undefined;
  /** True once service account and policies are there. */
  readonly prepared: boolean;
  /** Whether the model of ours is served. */
  readonly model?: ConditionState | undefined;
  /** What the preflight pod found. */
  readonly network: ConditionState | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
