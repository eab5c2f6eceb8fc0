import { AUDIENCES, SANDBOX_SERVICE_ACCOUNT } from '../../protocol/pod-contract.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import type { SynthesisRunRow, SynthesisRuns } from '../../store/synthesis-runs.ts';
import { lookUpPod, refuseEnded } from './look-up-pod.ts';
import type { PodReader } from './pods.ts';
import { refuse } from './refusal.ts';
import type { TokenVerifier } from './verify-token.ts';

export interface WorkerProofDeps {
  readonly tokens: TokenVerifier;
  readonly pods: PodReader;
  readonly runs: Pick<SynthesisRuns, 'synthesisRunOfWorker'>;
}

/** The operator tells a Job's uid right after it made the Job. */
const TELL_SECONDS = 1;

/**
 * The job whose worker the pod is, where the pod's controller is the Job that the operator made for it.
 * A pod of a Job that it has not told of may only wait: one that it told of before is told of no more.
 */
export async function proveSynthesisWorker(
  authorization: string | undefined,
  { tokens, pods, runs }: WorkerProofDeps,
): Promise<{ readonly run: SynthesisRunRow } | NoClaim> {
  const identity = await tokens.verify(authorization, {
    audience: AUDIENCES.synthesis,
    serviceAccount: SANDBOX_SERVICE_ACCOUNT,
  });
  const pod = await lookUpPod(identity, pods);
  refuseEnded(pod);
  const { name, ownerReferences } = pod.metadata;
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.kind !== 'Job' || !owner.apiVersion.startsWith('batch/')) {
    throw refuse('NotOfAJob', name);
  }
  const run = await runs.synthesisRunOfWorker(owner.uid);
  if (run === undefined) {
    const reason = `the operator has not told of Job ${owner.name} yet`;
    return { decision: 'wait', reason, retryAfterSeconds: TELL_SECONDS };
  }
  if (run.namespace !== identity.namespace) throw refuse('ForeignNamespace', name);
  return { run };
}
