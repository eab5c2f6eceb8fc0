import {
  DONE,
  type Reconcile,
  type ReconcileContext,
  type ReconcileResult,
} from '../../kube/controller/reconcile.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import { cacheOf } from '../shared/joined-cache.ts';
import { isGoing, isOver } from '../shared/life.ts';
import { MANAGED_BY } from '../shared/marks.ts';
import { carryOn } from './carry-on.ts';
import { farewell } from './farewell.ts';
import type { BatchParts } from './parts.ts';
import { forgetBatch, tidyUp } from './tidy-up.ts';

/** One look at a batch: what is gone or going, what is over, and what goes on. */
export function reconcileBatch(parts: BatchParts): Reconcile {
  return async (key, context) => {
    const forget = (uid: string): void => {
      forgetGone(parts, uid);
      forgetEmpty(parts, key.namespace ?? '');
    };
    const waitMs = await farewell(parts, key, forget, context);
    const { requeueAfterMs } = await reconcilePresent(parts, key, context);
    const waits = [waitMs, requeueAfterMs].filter((ms) => ms !== undefined);
    return waits.length === 0 ? DONE : { requeueAfterMs: Math.min(...waits) };
  };
}

function forgetGone(parts: BatchParts, uid: string): void {
  forgetBatch(parts, uid);
  parts.volumes.forget(uid);
  parts.policies.forget(uid);
}

/** The last batch of a namespace goes also where the namespace does. */
function forgetEmpty({ namespaces, world }: BatchParts, namespace: string): void {
  const batches = cacheOf(world.batches, namespace).list();
  if (!batches.some(({ metadata }) => metadata.namespace === namespace))
    namespaces.forget(namespace);
}

async function reconcilePresent(
  parts: BatchParts,
  key: ObjectKey,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  const batch = parts.world.batches.get(key);
  if (batch === undefined) return DONE;
  if ((batch.spec.managedBy ?? MANAGED_BY) !== MANAGED_BY) return DONE;
  // Its children go by their owner references; nothing new is made.
  if (isGoing(batch)) return DONE;
  if (isOver(batch)) return await tidyUp(parts, batch, context);
  const waitMs = parts.pace.waitMs(batch.metadata.uid ?? '', parts.settings.tickMs);
  return waitMs > 0 ? { requeueAfterMs: waitMs } : await carryOn(parts, batch, context);
}
