import type { TrainingState } from '../../../src/protocol/training-api.ts';
import type { TrainingRun } from '../shared/kinds.ts';
import type { ServerProblem } from '../shared/server-problem.ts';
import type { InputProblem } from './inputs.ts';
import type { Mode, TrainerJobFact, TrainerPodFact } from './observed.ts';
import type { RlSeen } from './rl/reinforcement.ts';

/** What one look at a run found, and all that its status is made of. */
export interface TrainingView {
  readonly run: TrainingRun;
  mode: Mode;
  /** Undefined before the run is planned, or while the server does not answer. */
  state: TrainingState | undefined;
  jobs: readonly TrainerJobFact[];
  pods: readonly TrainerPodFact[];
  /** Why it is not planned, or no Job is made. */
  problem: InputProblem | undefined;
  /** The rollouts of reinforcement; undefined for supervised runs, and before they were looked at. */
  rl: RlSeen | undefined;
  /** Why the server gave no answer, or none that means anything. */
  serverAway: string | undefined;
  /** Which of the two; absent: it gave none. */
  serverReason?: ServerProblem['reason'] | undefined;
  /** What the API server will not do. */
  forbidden:
    | {
        readonly reason: 'PodsForbidden' | 'JobsForbidden' | 'BatchesForbidden';
        readonly message: string;
      }
    | undefined;
  storeFull: boolean;
}
