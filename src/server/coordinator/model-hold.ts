import { fixedSampling } from '../planning/batch-settings.ts';
import type { AskedModel, UpstreamQuestions } from '../upstreams/upstream-questions.ts';
import { waitingItems } from './batch-state.ts';
import type { FrozenSpec } from './frozen-spec.ts';
import type { LiveBatch } from './live-batch.ts';

/**
 * Notes in the batch why its model keeps rollouts from starting, where they wait and none is at work: what
 * runs already has had its answer.
 */
export function holdForModel(batch: LiveBatch, questions: Pick<UpstreamQuestions, 'look'>): void {
  batch.modelHold = undefined;
  const asked = askedModel(batch.planned.frozen);
  if (asked === undefined) return;
  const atWork = [...batch.jobs].some(({ row }) => row.shape.phase === 'rollout');
  if (atWork || !waitingItems(batch).some(({ kind }) => kind === 'rollout')) return;
  batch.modelHold = questions.look(asked);
}

/** Undefined where no Secret names the model. */
function askedModel({ namespace, spec: { model } }: FrozenSpec): AskedModel | undefined {
  const secret = model?.upstreamSecretRef?.name;
  if (model === undefined || secret === undefined) return undefined;
  const sampling = fixedSampling(model.sampling);
  return { namespace, secret, model: model.name, sampling, tokens: model.capture === 'tokens' };
}
