import { LABELS } from '../../../src/protocol/pod-contract.ts';
import {
  DONE,
  type ReconcileContext,
  type ReconcileResult,
} from '../../kube/controller/reconcile.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import { deleteJobsOf } from '../shared/job-deletions.ts';
import { type RolloutBatch, rolloutBatches } from '../shared/kinds.ts';
import { FIELD_MANAGER } from '../shared/marks.ts';
import { hasOwnModel } from './model-of.ts';
import type { BatchParts } from './parts.ts';

const PROBE_MS = 3000;

/** After its end: the Jobs go, and after its time the batch itself. Its rows stay in the store. */
export async function tidyUp(
  parts: BatchParts,
  batch: RolloutBatch,
  { signal }: ReconcileContext,
): Promise<ReconcileResult> {
  const { client, clock, world } = parts;
  const { namespace, uid = '' } = batch.metadata;
  const call = { signal, fieldManager: FIELD_MANAGER };
  await parts.volumes.end(batch, call);
  if (hasOwnModel(batch)) await parts.policies.end(batch, call);
  forgetBatch(parts, uid);
  const left = world.jobs
    .byIndex('owner', uid)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (left.length > 0) await deleteJobsOf(client, namespace, { [LABELS.batch]: uid }, call);
  if (!(await parts.network.end(batch, call))) return { requeueAfterMs: PROBE_MS };
  const { ttlSecondsAfterFinished: ttl } = batch.spec;
  if (ttl === undefined) return DONE;
  const waitMs = endedAt(batch) + ttl * 1000 - clock.now();
  if (waitMs > 0) return { requeueAfterMs: waitMs };
  await deleteObject(client.for(rolloutBatches), batch, {
    ...call,
    propagationPolicy: 'Background',
  });
  return DONE;
}

/** Nothing of it matters any more. */
export function forgetBatch(parts: BatchParts, uid: string): void {
  parts.ledger.close(uid);
  parts.lastSeen.forget(uid);
  parts.planner.forget(uid);
  parts.shortages.forget(uid);
  parts.pace.forget(uid);
  parts.statusPace.forget(uid);
}

function endedAt({ status }: RolloutBatch): number {
  const ends = ['Complete', 'Failed'].flatMap((type) => {
    const condition = findCondition(status?.conditions, type);
    return condition?.status === 'True' ? [Date.parse(condition.lastTransitionTime)] : [];
  });
  return Math.min(...ends);
}
