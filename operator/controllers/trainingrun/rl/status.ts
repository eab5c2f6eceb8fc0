import { evaluationResult } from '../../../../src/api/evaluation-result.ts';
import { SHOWN_EVALUATIONS } from '../../../../src/api/training-status.ts';
import type { RlState } from '../../../../src/protocol/rl-api.ts';
import type { TrainingStatus } from '../../shared/kinds.ts';
import type { RlPlan } from './plan.ts';

/** What of a status the coordinator knows better than the trainer: steps are counted by rows. */
export function rlNumbers(state: RlState): Partial<TrainingStatus> {
  const { step, steps, policyVersion, reward, loss, trainedTokens } = state;
  return {
    ...{ step, totalSteps: steps, progress: `${step}/${steps}`, policyVersion },
    tokens: trainedTokens,
    ...(reward === undefined ? {} : { reward: measure(reward) }),
    ...(loss === undefined ? {} : { loss: measure(loss) }),
  };
}

/** What evaluations found: those that the server knows, and those that the status had before. */
export function rlEvaluations(
  state: Pick<RlState, 'evaluations'> | undefined,
  before: TrainingStatus['evaluations'] = [],
): TrainingStatus['evaluations'] {
  const found = [...before, ...(state?.evaluations.map(evaluationResult) ?? [])];
  const byStep = new Map(found.map((one) => [one.step, one]));
  if (byStep.size === 0) return undefined;
  return [...byStep.values()].toSorted((a, b) => a.step - b.step).slice(-SHOWN_EVALUATIONS);
}

/** What the run is doing, for people. */
export function rlWords(state: RlState, { playing }: Pick<RlPlan, 'playing'>): string {
  const { wanted, training, steps, over } = state;
  const last = state.evaluations.at(-1);
  const measured =
    last?.score === undefined || last.score === null
      ? ''
      : `; evaluation after step ${last.step}: ${last.score.toFixed(3)}`;
  if (over) return `every step is trained; the trainer writes its model${measured}`;
  if (training !== undefined) return `the trainer learns from batch ${training}${measured}`;
  if (wanted === undefined) return `the next batch is being made${measured}`;
  const what =
    wanted.kind === 'step'
      ? `step ${wanted.step} of ${steps}`
      : `evaluation after step ${wanted.step}`;
  const by =
    playing === undefined
      ? 'its RolloutBatch is made'
      : `RolloutBatch ${playing.metadata.name} plays`;
  return `${what}: ${by}, policy version ${wanted.policyVersion}${measured}`;
}

const measure = (value: number): string => String(Number(value.toPrecision(5)));
