import { type Condition, findCondition } from '../../kube/objects/conditions.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import type { EventNote } from '../../kube/writes/event-recorder.ts';

/** Conditions whose coming true is told as an event, and whether it is bad news. */
const TOLD: Readonly<Record<string, 'Normal' | 'Warning'>> = {
  Planned: 'Normal',
  Suspended: 'Normal',
  SuccessCriteriaMet: 'Normal',
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
    return told ? [] : [{ regarding, type: weight, reason, action: type, note: message }];
  });
}
