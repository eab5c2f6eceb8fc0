import type { BatchId } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { ClaimingPod } from '../sandbox/claim-desk.ts';
import type { BatchDirectory } from './batch-directory.ts';
import type { LiveBatch } from './live-batch.ts';
import type { PodJudge } from './pod-judge.ts';
import type { RolloutKeeper } from './rollout-keeper.ts';
import type { TaskContents } from './task-contents.ts';

/** What both desks work with. */
export interface DeskContext {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly directory: BatchDirectory;
  readonly keeper: RolloutKeeper;
  readonly judge: PodJudge;
  readonly contents: TaskContents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newNonce: () => string;
}

/** Pause of a container that waits for the attempt before. */
const WAIT_SECONDS = 2;

export function decidedAlready(reason: string): { readonly refusal: NoClaim } {
  return { refusal: { decision: 'decided', reason } };
}

export function waitFor(reason: string): { readonly refusal: NoClaim } {
  return { refusal: { decision: 'wait', reason, retryAfterSeconds: WAIT_SECONDS } };
}

/** The batch of a pod that claims; its Job names it, and the namespace was compared with the pod's. */
export async function batchOf(
  context: Pick<DeskContext, 'directory'>,
  { job }: Pick<ClaimingPod, 'job'> | { readonly job: { readonly batch: BatchId } },
): Promise<LiveBatch> {
  return await context.directory.get(job.batch);
}
