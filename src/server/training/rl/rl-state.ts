import type { Sha256 } from '../../../base/brand.ts';
import type { RlState, WantedRlBatch } from '../../../protocol/rl-api.ts';
import type { EvaluationFacts } from '../../../training/rl/evaluation-facts.ts';
import type { RlAction } from '../../../training/rl/next-actions.ts';
import { batchPart, type WantedBatch } from '../../../training/rl/rl-run.ts';
import type { LiveRl } from './live-rl.ts';

export interface RlView {
  readonly live: LiveRl;
  /** What is to be done now. */
  readonly actions: readonly RlAction[];
  /** Model of the newest policy. */
  readonly model: Sha256;
  readonly evaluations: readonly EvaluationFacts[];
  /** Uid of the batch that plays the one that is wanted. */
  readonly batch: string | undefined;
}

/** Pure: everything that the operator shows and does for a run. */
export function rlState({ live, actions, model, evaluations, batch }: RlView): RlState {
  const { plan, run, board } = live;
  const { steps } = board;
  const settled = steps.filter(({ frozen, trained }) => trained || frozen.number === undefined);
  const reward = steps.findLast(({ frozen }) => frozen.reward !== null)?.frozen.reward;
  const last = steps.findLast(({ trained }) => trained !== undefined)?.trained;
  const loss = last?.metrics['loss'];
  const failure = actions.find((action) => action.do === 'fail');
  const rollOut = actions.find((action) => action.do === 'rollOut');
  const awaited = actions.find((action) => action.do === 'awaitTrained');
  return {
    taskSet: plan.tasks.set,
    evaluationTaskSet: plan.evaluationTasks.set,
    ...{ steps: run.steps, step: settled.length, policyVersion: board.newest },
    policyModel: model,
    trainedTokens: settled.reduce((sum, { frozen }) => sum + frozen.trainedTokens, 0),
    ...(typeof reward === 'number' && { reward }),
    ...(typeof loss === 'number' && { loss }),
    ...(awaited && { training: awaited.number }),
    ...(rollOut && {
      wanted: { ...wantedOf(rollOut.batch, live, model), ...(batch !== undefined && { batch }) },
    }),
    evaluations: [...evaluations],
    over: actions.some((action) => action.do === 'awaitTrainerEnd'),
    ...(failure && { failure: { reason: failure.reason, message: failure.message } }),
  };
}

function wantedOf(batch: WantedBatch, { plan }: LiveRl, model: Sha256): WantedRlBatch {
  const { kind, step, samples, policyVersion, tasks } = batch;
  const from = kind === 'step' ? plan.tasks : plan.evaluationTasks;
  // A set may have more tasks than a batch can name.
  const all = from.whole && tasks.length === from.ids.length;
  return {
    ...{ part: batchPart(kind, step), kind, step, samples, policyVersion, model },
    taskSet: from.set,
    ...(!all && { taskIds: [...tasks] }),
  };
}
