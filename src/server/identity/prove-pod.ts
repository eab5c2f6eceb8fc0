import { asBatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import {
  INDEX_ANNOTATION,
  LABELS,
  ROLE_AUDIENCE,
  type Role,
  SANDBOX_SERVICE_ACCOUNT,
} from '../../protocol/pod-contract.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import type { ClusterRecords, JobRow } from '../../store/cluster-records.ts';
import type { ClaimingPod } from '../sandbox/claim-desk.ts';
import { lookUpPod, refuseEnded } from './look-up-pod.ts';
import type { PodReader, SandboxPod } from './pods.ts';
import { refuse } from './refusal.ts';
import type { TokenVerifier } from './verify-token.ts';

export interface PodProofDeps {
  readonly tokens: TokenVerifier;
  readonly pods: PodReader;
  readonly records: Pick<ClusterRecords, 'jobByName' | 'jobByUid' | 'rowOf'>;
}

/** The operator tells the uid right after it made the Job. */
const TELL_SECONDS = 1;

const PHASE_OF: Readonly<Record<Role, 'rollout' | 'verify'>> = {
  stage: 'rollout',
  companion: 'rollout',
  fetch: 'verify',
  report: 'verify',
};
/** What starts work; the others also save what a pod that ends has done. */
const STARTERS: ReadonlySet<Role> = new Set<Role>(['stage', 'fetch']);

/**
 * Finds out which row of which Job the bearer of a token works for (design: cluster.md 3). The token
 * says which pod; the pod itself, as it is now, says which Job and index.
 */
export async function provePod(
  role: Role,
  authorization: string | undefined,
  deps: PodProofDeps,
): Promise<ClaimingPod | NoClaim> {
  const identity = await deps.tokens.verify(authorization, {
    audience: ROLE_AUDIENCE[role],
    serviceAccount: SANDBOX_SERVICE_ACCOUNT,
  });
  const pod = await lookUpPod(identity, deps.pods);
  const { namespace } = identity;
  const { name, deletionTimestamp } = pod.metadata;
  const terminating = deletionTimestamp !== undefined;
  if (STARTERS.has(role)) refuseEnded(pod);
  const job = await jobOf(pod, namespace, deps.records);
  if ('decision' in job) return job;
  // Every pod of the Job's own template carries it; one that was put under the Job later may not.
  if (pod.metadata.labels?.[LABELS.batch] !== job.batch) throw refuse('ForeignBatch', name);
  if (job.shape.phase !== PHASE_OF[role]) throw refuse('WrongPhase', `${job.name} for ${role}`);
  const row = await deps.records.rowOf(job, indexOf(pod));
  if (row === undefined) throw refuse('NoWork', name);
  refuseLate(job);
  const uid = pod.metadata.uid ?? '';
  return { namespace, name, uid, terminating, job, row, object: pod };
}

/** A Job that is over has given its rows to the next generation. */
export function refuseLate(job: JobRow): void {
  if (job.live) return;
  throw new ClawError(
    'Fenced',
    `Job ${job.name} is over (${job.cause}); what it left is carried by a later generation`,
    { details: { reason: 'JobOver' } },
  );
}

async function jobOf(
  pod: SandboxPod,
  namespace: string,
  records: PodProofDeps['records'],
): Promise<JobRow | NoClaim> {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.kind !== 'Job' || !owner.apiVersion.startsWith('batch/')) {
    throw refuse('NotOfAJob', pod.metadata.name);
  }
  const job = await records.jobByUid(owner.uid);
  if (job === undefined) {
    const label = pod.metadata.labels?.[LABELS.batch] ?? '';
    const batch = asBatchId(label);
    const named = await records.jobByName({ batch, name: owner.name });
    if (named === undefined || named.uid !== undefined || named.namespace !== namespace) {
      throw refuse('UnknownJob', owner.name);
    }
    const reason = `the uid of Job ${owner.name} is not known yet`;
    return { decision: 'wait', reason, retryAfterSeconds: TELL_SECONDS };
  }
  if (job.namespace !== namespace) throw refuse('ForeignNamespace', `${job.name} in ${namespace}`);
  return job;
}

function indexOf(pod: SandboxPod): number {
  const text = pod.metadata.annotations?.[INDEX_ANNOTATION] ?? '';
  return /^\d{1,6}$/.test(text) ? Number(text) : -1;
}
