import type { ServerCall } from './claw-gym-server.ts';
import type { PlanRlBody, RlState } from './rl-api.ts';
import type {
  CancelTrainingBody,
  OpenTraining,
  PlanTrainingBody,
  TrainerEndedBody,
  TrainingState,
} from './training-api.ts';

/** The part of the server that the controller of TrainingRuns asks; errors as in `ClawGymServer`. */
export interface TrainingServer {
  /** Freezes the inputs. Throws `Conflict` for a uid that is stored with another spec. */
  planTraining(uid: string, body: PlanTrainingBody, call: ServerCall): Promise<TrainingState>;
  /** Undefined for a run that was never planned. */
  training(uid: string, call: ServerCall): Promise<TrainingState | undefined>;
  /** Those that have not ended. */
  openTrainings(call: ServerCall): Promise<readonly OpenTraining[]>;
  trainingJob(
    uid: string,
    job: { readonly attempt: number; readonly jobUid: string },
    call: ServerCall,
  ): Promise<TrainingState>;
  /** Decides what follows: the next start, or the end. Told twice, it counts once. */
  trainerEnded(uid: string, body: TrainerEndedBody, call: ServerCall): Promise<TrainingState>;
  cancelTraining(uid: string, body: CancelTrainingBody, call: ServerCall): Promise<void>;
  /** Freezes the tasks of a reinforcement run. Throws `Conflict` for a uid that is stored with another spec. */
  planRl(uid: string, body: PlanRlBody, call: ServerCall): Promise<RlState>;
  /** Undefined for one that was never planned. */
  rl(uid: string, call: ServerCall): Promise<RlState | undefined>;
  /** The RolloutBatch that plays a part of it. */
  rlBatch(uid: string, part: string, batchUid: string, call: ServerCall): Promise<void>;
}
