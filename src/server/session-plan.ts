import { ClawError } from '../base/error.ts';
import type { SessionPlan } from '../gateway/stored-sessions.ts';
import { TokenUpstream } from '../gateway/token-upstream.ts';
import type { ClaimRow } from '../store/cluster-records.ts';
import type { BatchDirectory } from './coordinator/batch-directory.ts';
import { fixedSampling } from './planning/batch-settings.ts';
import type { SecretUpstreams } from './upstreams/secret-upstreams.ts';

/** The model of an attempt as its batch's frozen spec says, through the Secret of its namespace. */
export async function sessionPlan(
  claim: Pick<ClaimRow, 'batch'>,
  directory: BatchDirectory,
  upstreams: SecretUpstreams,
): Promise<SessionPlan> {
  const { frozen, settings } = (await directory.get(claim.batch)).planned;
  const { model } = frozen.spec;
  const secret = model?.upstreamSecretRef?.name;
  if (model === undefined || secret === undefined) {
    throw new ClawError('NotFound', `batch ${claim.batch} has no model`);
  }
  const { turns, tokens, seconds } = settings.budgets;
  const upstream = upstreams.of(frozen.namespace, secret);
  return {
    upstream: model.capture === 'tokens' ? new TokenUpstream(upstream) : upstream,
    model: model.name,
    budgets: {
      turns: turns ?? Number.POSITIVE_INFINITY,
      totalTokens: tokens ?? Number.POSITIVE_INFINITY,
      seconds: seconds ?? Number.MAX_SAFE_INTEGER / 1000,
    },
    sampling: fixedSampling(model.sampling),
  };
}
