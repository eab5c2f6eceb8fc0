import type { RlState } from '../../../../src/protocol/rl-api.ts';
import type { RolloutBatch, TrainingRun } from '../../shared/kinds.ts';
import type { PolicyWanted } from '../../shared/policy/policy-pods.ts';
import { MODEL_NAME } from './step-batch.ts';

export interface RunPolicyObserved {
  readonly run: TrainingRun;
  readonly state: RlState;
  /** What plays now. */
  readonly playing: RolloutBatch | undefined;
  /** False: suspended, failed or over. */
  readonly going: boolean;
}

/**
 * Pure: what the policy pod of a reinforcement run is to answer with; undefined where none is needed. One pod
 * serves every step: it loads the newest version as soon as there is one, and answers the batch that
 * plays. It stays while the trainer learns, for the next step needs it, and, where the run is suspended, until
 * no agent asks it any more.
 */
export function runPolicy(observed: RunPolicyObserved): PolicyWanted | undefined {
  const { run, state, playing, going } = observed;
  const asked = (playing?.status?.rollouts?.active ?? 0) > 0;
  if (state.over || state.failure !== undefined || !(going || asked)) return undefined;
  const { uid } = playing?.metadata ?? {};
  return {
    ...{ model: state.policyModel, version: state.policyVersion, name: MODEL_NAME },
    ...{ runtimeRef: run.spec.runtimeRef, gpuResource: run.spec.trainer.gpuResource },
    batches: uid === undefined ? [] : [uid],
  };
}
