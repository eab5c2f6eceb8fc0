import { DONE, type ReconcileResult } from '../../kube/controller/reconcile.ts';
import { type Condition, findCondition } from '../../kube/objects/conditions.ts';

/** setTimeout's limit: what is further away is looked at again then. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** The next run at the earliest of these, in milliseconds; undefined ones ask for none. */
export function earliest(...waits: readonly (number | undefined)[]): ReconcileResult {
  const asked = waits.filter((wait) => wait !== undefined);
  if (asked.length === 0) return DONE;
  return { requeueAfterMs: Math.min(MAX_WAIT_MS, Math.max(1, Math.min(...asked))) };
}

/**
 * Milliseconds until a run that has ended is deleted, by its ttlSecondsAfterFinished counted from
 * the change of its terminal condition; undefined where it is kept.
 */
export function msUntilExpiry(
  {
    spec,
    status,
  }: {
    readonly spec: { readonly ttlSecondsAfterFinished?: number | undefined };
    readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined;
  },
  nowMs: number,
): number | undefined {
  const ttl = spec.ttlSecondsAfterFinished;
  const end = ['Complete', 'Failed']
    .map((type) => findCondition(status?.conditions, type))
    .find((condition) => condition?.status === 'True');
  if (ttl === undefined || end === undefined) return undefined;
  return Date.parse(end.lastTransitionTime) + ttl * 1000 - nowMs;
}
