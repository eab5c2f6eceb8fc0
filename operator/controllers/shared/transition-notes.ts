import { type Condition, findCondition } from '../../kube/objects/conditions.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import type { EventNote } from '../../kube/writes/event-recorder.ts';

/** Conditions whose coming true is told as an event, and whether it is bad news. */
const TOLD: Readonly<Record<string, 'Normal' | 'Warning'>> = {
  Planned: 'Normal',
  Suspended: 'Normal',
  Complete: 'Normal',
  Ready: 'Normal',
  FailureTarget: 'Warning',
  Failed: 'Warning',
  Stalled: 'Warning',
  SourceChanged: 'Warning',
};

/** One event a condition that has come true, or, of those that are bad news, for another reason. */
export function transitionNotes(
  regarding: KubeObject,
  before: readonly Condition[] | undefined,
  after: readonly Condition[] | undefined,
): readonly EventNote[] {
  return (after ?? []).flatMap(({ type, status, reason, message }) => {
    const weight = TOLD[type];
    if (weight === undefined || status !== 'True') return [];
    const known = findCondition(before, type);
    const told = known?.status === 'True' && (weight === 'Normal' || known.reason === reason);
    if (told) return [];
    // The condition's own reason says how it came to its end, not that it did.
    const eventReason = type === 'Complete' ? 'Completed' : reason;
    return [{ regarding, type: weight, reason: eventReason, action: type, note: message }];
  });
}
