import { type Condition, findCondition } from '../../kube/objects/conditions.ts';

/** The part of a run that says since when its time runs. */
export interface TimedRun {
  readonly spec: { readonly suspend: boolean };
  readonly status?:
    | {
        readonly startTime?: string | undefined;
        readonly conditions?: readonly Condition[] | undefined;
      }
    | undefined;
}

/**
 * Since when the time of a run runs, in milliseconds since the epoch; undefined before its start. A
 * suspended run that goes on begins anew, as a Job does: what it stood still takes nothing of its time.
 * Kept in `status.startTime`, written together with the condition that tells of the pause, so that a
 * restart between the two reads changes nothing.
 *
 * @param begunAt Where the status names no start yet.
 */
export function runStart(
  { spec, status }: TimedRun,
  begunAt: number | undefined,
  now: number,
): number | undefined {
  const kept = status?.startTime === undefined ? begunAt : Date.parse(status.startTime);
  if (kept === undefined || spec.suspend) return kept;
  const pause = findCondition(status?.conditions, 'Suspended');
  return pause?.status === 'True' && OWN.has(pause.reason) ? now : kept;
}

/** By `spec.suspend`. A Job that a queue holds back stands for no pause of the run. */
const OWN: ReadonlySet<string> = new Set(['SuspendRequested', 'Suspending']);
