import { artifactDigest } from '../api/model-ref.ts';
import { ClawError } from '../base/error.ts';
import type { SessionPlan } from '../gateway/stored-sessions.ts';
import { TokenUpstream } from '../gateway/token-upstream.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { ClaimRow } from '../store/cluster-records.ts';
import type { BatchDirectory } from './coordinator/batch-directory.ts';
import type { FrozenSpec } from './coordinator/frozen-spec.ts';
import { fixedSampling } from './planning/batch-settings.ts';
import type { PolicyDesk } from './policies/policy-desk.ts';
import { PolicyPodUpstream } from './policies/policy-pod-upstream.ts';
import type { SecretUpstreams } from './upstreams/secret-upstreams.ts';

/** What answers the model calls of a cluster's batches. */
export interface SessionUpstreams {
  readonly secrets: SecretUpstreams;
  readonly policies: Pick<PolicyDesk, 'served'>;
}

/**
 * The model of an attempt as its batch's frozen spec says: through the Secret of its namespace, or by
 * the batch's policy pod.
 */
export async function sessionPlan(
  claim: Pick<ClaimRow, 'batch'>,
  directory: BatchDirectory,
  upstreams: SessionUpstreams,
): Promise<SessionPlan> {
  const { frozen, settings } = (await directory.get(claim.batch)).planned;
  const { model } = frozen.spec;
  const upstream = upstreamOf(claim.batch, frozen, upstreams);
  if (model === undefined || upstream === undefined) {
    throw new ClawError('NotFound', `batch ${claim.batch} has no model`);
  }
  const { turns, tokens, seconds } = settings.budgets;
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

function upstreamOf(
  batch: string,
  { namespace, spec: { model } }: FrozenSpec,
  { secrets, policies }: SessionUpstreams,
): Upstream | undefined {
  if (model?.artifact !== undefined) {
    const asked = { name: model.name, model: artifactDigest(model.artifact) };
    return new PolicyPodUpstream(batch, asked, policies);
  }
  const secret = model?.upstreamSecretRef?.name;
  return secret === undefined ? undefined : secrets.of(namespace, secret);
}
