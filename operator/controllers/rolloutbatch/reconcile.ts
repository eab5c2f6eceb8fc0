import { DONE, type Reconcile } from '../../kube/controller/reconcile.ts';
import { MANAGED_BY } from '../shared/marks.ts';
import { carryOn } from './carry-on.ts';
import type { BatchParts } from './parts.ts';
import { isOver } from './status.ts';
import { farewell, tidyUp } from './tidy-up.ts';

/** One look at a batch: what is gone or going, what is over, and what goes on. */
export function reconcileBatch(parts: BatchParts): Reconcile {
  return async (key, context) => {
    await farewell(parts, parts.departed.take(key), context);
    const batch = parts.world.batches.get(key);
    if (batch === undefined) return DONE;
    if ((batch.spec.managedBy ?? MANAGED_BY) !== MANAGED_BY) return DONE;
    // Its children go by their owner references; nothing new is made.
    if (batch.metadata.deletionTimestamp !== undefined) return DONE;
    if (isOver(batch.status?.conditions)) return await tidyUp(parts, batch, context);
    const waitMs = parts.pace.waitMs(batch.metadata.uid ?? '', parts.settings.tickMs);
    return waitMs > 0 ? { requeueAfterMs: waitMs } : await carryOn(parts, batch, context);
  };
}
