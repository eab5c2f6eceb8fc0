import { type Condition, isTrue } from '../../kube/objects/conditions.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';

/** True where a run has come to its end: nothing of it works and nothing will. */
export function isOver(run: {
  readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined;
}): boolean {
  const conditions = run.status?.conditions;
  return isTrue(conditions, 'Complete') || isTrue(conditions, 'Failed');
}

/** True where somebody has deleted the object, and it is not gone yet. */
export function isGoing({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return metadata.deletionTimestamp !== undefined;
}
