import { AUDIENCES, LABELS, SANDBOX_SERVICE_ACCOUNT } from '../../protocol/pod-contract.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import { lookUpPod } from './look-up-pod.ts';
import type { PodReader } from './pods.ts';
import { refuse } from './refusal.ts';
import type { TokenVerifier } from './verify-token.ts';

/** What identity needs to know of a run. */
export interface ProvenRun {
  readonly uid: string;
  readonly namespace: string;
  /** Of the start that is wanted now; undefined until the operator has told it. */
  readonly jobUid: string | undefined;
}

export interface TrainerProofDeps {
  readonly tokens: TokenVerifier;
  readonly pods: PodReader;
  /** Undefined where no such run is planned. */
  readonly runOf: (uid: string) => Promise<ProvenRun | undefined>;
}

/** The operator tells a Job's uid right after it made the Job. */
const TELL_SECONDS = 1;

/**
 * The uid of the run that the bearer of a token trains for: the pod belongs to the Job that the operator
 * named for the run's present start. A pod that is being deleted still hands in what it has.
 */
export async function proveTrainer(
  authorization: string | undefined,
  { tokens, pods, runOf }: TrainerProofDeps,
): Promise<{ readonly run: string } | NoClaim> {
  const identity = await tokens.verify(authorization, {
    audience: AUDIENCES.training,
    serviceAccount: SANDBOX_SERVICE_ACCOUNT,
  });
  const pod = await lookUpPod(identity, pods);
  const { name, labels, ownerReferences } = pod.metadata;
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') throw refuse('PodEnded', name);
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.kind !== 'Job' || !owner.apiVersion.startsWith('batch/')) {
    throw refuse('NotOfAJob', name);
  }
  const run = await runOf(labels?.[LABELS.training] ?? '');
  if (run === undefined) throw refuse('UnknownJob', owner.name);
  if (run.namespace !== identity.namespace) throw refuse('ForeignNamespace', name);
  if (run.jobUid === undefined) {
    const reason = `the uid of Job ${owner.name} is not known yet`;
    return { decision: 'wait', reason, retryAfterSeconds: TELL_SECONDS };
  }
  if (run.jobUid !== owner.uid) throw refuse('ForeignOwner', name);
  return { run: run.uid };
}
