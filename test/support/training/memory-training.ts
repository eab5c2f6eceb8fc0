import { sha256 } from '../../../src/base/digest.ts';
import { ClawError } from '../../../src/base/error.ts';
import type { PlanRlBody, RlState } from '../../../src/protocol/rl-api.ts';
import type {
  PlanTrainingBody,
  TrainerEndedBody,
  TrainingState,
} from '../../../src/protocol/training-api.ts';
import type { TrainingServer } from '../../../src/protocol/training-server.ts';
import { afterTrainer } from '../../../src/server/training/after-trainer.ts';
import { NEW_RUN, type RunData } from '../../../src/server/training/training-row.ts';

interface StoredRun {
  readonly body: PlanTrainingBody;
  data: RunData;
}

/** What the controller of TrainingRuns needs of a server, in memory and by the same pure decisions. */
export class MemoryTraining implements TrainingServer {
  readonly runs = new Map<string, StoredRun>();
  readonly trainingCalls: string[] = [];
  readonly endsTold: TrainerEndedBody[] = [];
  /** Thrown by `planTraining` while it is there. */
  planRefusal: ClawError | undefined;
  limits = { failures: 3, disruptions: 20 };

  planTraining: TrainingServer['planTraining'] = async (uid, body) => {
    this.trainingCalls.push('plan');
    if (this.planRefusal !== undefined) throw this.planRefusal;
    if (!this.runs.has(uid)) this.runs.set(uid, { body, data: NEW_RUN });
    return this.stateOf(uid);
  };

  training: TrainingServer['training'] = async (uid) =>
    this.runs.has(uid) ? this.stateOf(uid) : undefined;

  openTrainings: TrainingServer['openTrainings'] = async () =>
    [...this.runs].flatMap(([uid, { body, data }]) => {
      const { namespace, name } = body;
      return data.end === undefined ? [{ uid, namespace, name }] : [];
    });

  trainingJob: TrainingServer['trainingJob'] = async (uid, { attempt, jobUid }) => {
    const { data } = this.#run(uid);
    if (data.attempt === attempt) this.set(uid, { jobUid });
    return this.stateOf(uid);
  };

  trainerEnded: TrainingServer['trainerEnded'] = async (uid, body) => {
    this.endsTold.push(body);
    const run = this.#run(uid);
    run.data = afterTrainer(run.data, body, this.limits, 0);
    return this.stateOf(uid);
  };

  cancelTraining: TrainingServer['cancelTraining'] = async (uid, { reason, message }) => {
    this.trainingCalls.push(`cancel ${reason}`);
    const { data } = this.#run(uid);
    if (data.end === undefined) this.set(uid, { end: { state: 'failed', reason, message } });
  };

  /** What the coordinator says of reinforcement runs, by uid; tests move it on. */
  readonly rlStates = new Map<string, RlState>();
  readonly rlPlans = new Map<string, PlanRlBody>();

  planRl: TrainingServer['planRl'] = async (uid, body) => {
    this.trainingCalls.push('plan rl');
    this.rlPlans.set(uid, body);
    const state = this.rlStates.get(uid) ?? newRlState(body);
    this.rlStates.set(uid, state);
    return state;
  };

  rl: TrainingServer['rl'] = async (uid) => this.rlStates.get(uid);

  rlBatch: TrainingServer['rlBatch'] = async (uid, part, batch) => {
    this.trainingCalls.push(`batch ${part}`);
    const state = this.rlStates.get(uid);
    if (state?.wanted === undefined || state.wanted.part !== part) return;
    this.rlStates.set(uid, { ...state, wanted: { ...state.wanted, batch } });
  };

  /** What pods of the run would have told. */
  set(uid: string, change: Partial<RunData>): void {
    const run = this.#run(uid);
    run.data = { ...run.data, ...change };
  }

  /** The model was handed in. */
  complete(uid: string): void {
    this.set(uid, { end: { state: 'complete', model: sha256(`model of ${uid}`) } });
  }

  stateOf(uid: string): TrainingState {
    const { body, data } = this.#run(uid);
    const { checkpoint, endedAt: _at, modelFiles: _files, said: _said, ...rest } = data;
    return {
      ...{ uid, ...rest },
      inputs: {
        base: body.base,
        template: sha256('template'),
        image: body.image,
        data: body.data?.kind === 'artifact' ? body.data.digest : undefined,
      },
      ...(checkpoint && { checkpoint: { step: checkpoint.step } }),
    };
  }

  #run(uid: string): StoredRun {
    const run = this.runs.get(uid);
    if (run === undefined) throw new ClawError('NotFound', `no run ${uid}`);
    return run;
  }
}

/** A run of two steps that wants its first one. */
function newRlState({ base }: PlanRlBody): RlState {
  const taskSet = sha256('task set');
  return {
    ...{ taskSet, evaluationTaskSet: taskSet, steps: 2, step: 0, policyVersion: 0 },
    ...{ policyModel: base, trainedTokens: 0, evaluations: [], over: false },
    wanted: {
      ...{ part: 'step-1', kind: 'step', step: 1, taskSet, taskIds: ['a'], samples: 2 },
      ...{ policyVersion: 0, model: base },
    },
  };
}
