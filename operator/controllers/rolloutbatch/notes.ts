import { type Condition, findCondition } from '../../kube/objects/conditions.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import type { EventNote } from '../../kube/writes/event-recorder.ts';

/** Conditions whose becoming so is worth an event, with what was done or seen. */
const TOLD: readonly {
  readonly type: string;
  readonly status: Condition['status'];
  readonly level: 'Normal' | 'Warning';
  readonly action: string;
  /** Only these reasons; absent: all. */
  readonly reasons?: readonly string[];
}[] = [
  { type: 'Planned', status: 'True', level: 'Normal', action: 'Plan' },
  { type: 'Planned', status: 'False', level: 'Warning', action: 'Plan' },
  { type: 'Progressing', status: 'True', level: 'Normal', action: 'Run', reasons: ['Running'] },
  {
    type: 'Progressing',
    status: 'False',
    level: 'Warning',
    action: 'Run',
    reasons: [
      ...['Unschedulable', 'PodsForbidden', 'JobsForbidden', 'ImagePullFailing', 'StoreFull'],
      ...['AgentChanged', 'UpstreamUnfit', 'UpstreamRefused', 'ServerIncompatible'],
    ],
  },
  { type: 'Progressing', status: 'Unknown', level: 'Warning', action: 'Run' },
  { type: 'Suspended', status: 'True', level: 'Normal', action: 'Suspend' },
  {
    type: 'Suspended',
    status: 'False',
    level: 'Normal',
    action: 'Resume',
    reasons: ['NotSuspended'],
  },
  { type: 'NetworkIsolated', status: 'False', level: 'Warning', action: 'Probe' },
  { type: 'SourceChanged', status: 'True', level: 'Warning', action: 'Plan' },
  { type: 'FailureTarget', status: 'True', level: 'Warning', action: 'Fail' },
  { type: 'Complete', status: 'True', level: 'Normal', action: 'Complete' },
  { type: 'Failed', status: 'True', level: 'Warning', action: 'Fail' },
];

/** Where the condition's reason does not say what happened. */
const EVENT_REASONS: Readonly<Record<string, string>> = {
  Resume: 'Resumed',
  Complete: 'Completed',
};

/** Pure: the events of a change of conditions; none for what was so before. */
export function notesOfChange(
  regarding: KubeObject,
  before: readonly Condition[] | undefined,
  after: readonly Condition[] | undefined,
): readonly EventNote[] {
  return (after ?? []).flatMap((condition): EventNote[] => {
    const former = findCondition(before, condition.type);
    const { type, status, reason, message } = condition;
    const told = TOLD.find(
      (each) =>
        each.type === type &&
        each.status === status &&
        (each.reasons === undefined || each.reasons.includes(reason)),
    );
    if (told === undefined) return [];
    if (former?.status === status && former.reason === reason) return [];
    // Nothing was suspended before the first look.
    if (told.action === 'Resume' && former?.status !== 'True') return [];
    const eventReason = EVENT_REASONS[told.action] ?? reason;
    return [
      { regarding, type: told.level, reason: eventReason, action: told.action, note: message },
    ];
  });
}
