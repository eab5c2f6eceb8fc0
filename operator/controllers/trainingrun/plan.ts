import type { CancelTrainingBody, TrainerEndedBody } from '../../../src/protocol/training-api.ts';
import type { Observed, TrainerJobFact, TrainerPodFact } from './observed.ts';

/** One step towards what a run wants. */
export type Action =
  | { readonly do: 'create'; readonly attempt: number; readonly name: string }
  | { readonly do: 'tell-job'; readonly attempt: number; readonly jobUid: string }
  /** `unless`: name of a Job that a cache does not show; where a live read does, nothing has ended. */
  | { readonly do: 'ended'; readonly body: TrainerEndedBody; readonly unless?: string }
  | { readonly do: 'delete'; readonly job: TrainerJobFact }
  | { readonly do: 'cancel'; readonly body: CancelTrainingBody };

/**
 * Pure: what to do for a run now. The server decides what follows the end of a trainer; this carries one
 * Job a start, tells how it ended once nothing of it lives, and ends what is not wanted any more.
 */
export function planActions(observed: Observed): readonly Action[] {
  const { mode, state, jobs, jobName } = observed;
  const outdated = jobs
    .filter((job) => job.name !== jobName && isLive(job))
    .map((job): Action => ({ do: 'delete', job }));
  if (state.end !== undefined) {
    const unwanted = state.end.state === 'failed' ? jobs.filter(isLive) : [];
    return unwanted.map((job) => ({ do: 'delete', job }));
  }
  if (mode === 'stop') return [...outdated, { do: 'cancel', body: deadlineWords(observed) }];
  return [...outdated, ...present(observed)];
}

const isLive = ({ finished, deleting }: TrainerJobFact): boolean => !finished && !deleting;

/** For the start that is wanted. */
function present(observed: Observed): readonly Action[] {
  const { state, jobs, jobName, mode, mayStart } = observed;
  const { attempt } = state;
  const job = jobs.find(({ name }) => name === jobName);
  if (job === undefined) {
    if (observed.pods.some((pod) => !pod.over)) return [];
    if (state.jobUid !== undefined) return [{ do: 'ended', body: gone(observed), unless: jobName }];
    return mode === 'run' && mayStart ? [{ do: 'create', attempt, name: jobName }] : [];
  }
  const told: readonly Action[] =
    state.jobUid === job.uid ? [] : [{ do: 'tell-job', attempt, jobUid: job.uid }];
  if (mode === 'pause' && isLive(job)) return [{ do: 'delete', job }];
  const pods = observed.pods.filter(({ jobUid }) => jobUid === job.uid);
  const over = pods.every((pod) => pod.over);
  const lost = over && pods.some(({ stuck }) => stuck);
  if ((job.finished && over) || lost) {
    return [...told, { do: 'ended', body: endOf(attempt, pods, observed.pausing) }];
  }
  return job.deleting ? [] : told;
}

function gone({ state: { attempt }, pausing }: Observed): TrainerEndedBody {
  if (pausing) return { attempt, cause: 'paused' };
  return { attempt, cause: 'lost', message: 'its Job was deleted' };
}

/** Codes after which no further start would help: they stand before what the others died of. */
const FINAL: ReadonlySet<number> = new Set([2, 3, 4]);
const STOPPED = 143;

/** How a start ended, by the pods that are left of it. */
export function endOf(
  attempt: number,
  pods: readonly TrainerPodFact[],
  pausing: boolean,
): TrainerEndedBody {
  const exits = pods.flatMap(({ name, exit }) => (exit === undefined ? [] : [{ name, exit }]));
  const final = exits.find(({ exit }) => FINAL.has(exit.code));
  if (final === undefined && pausing) return { attempt, cause: 'paused' };
  const taken = pods.find(({ disruption, stuck }) => disruption !== undefined || stuck);
  if (final === undefined && taken !== undefined) {
    const why = taken.disruption ?? 'its node does not answer';
    return { attempt, cause: 'lost', message: `pod ${taken.name}: ${why}` };
  }
  const worst =
    final ??
    exits.find(({ exit }) => exit.code !== 0 && exit.code !== STOPPED) ??
    exits.find(({ exit }) => exit.code !== 0) ??
    exits[0];
  if (worst === undefined) return { attempt, cause: 'lost', message: 'its pods are gone' };
  const { container, code, words } = worst.exit;
  const message = `pod ${worst.name}, container ${container}: exit code ${code}${words}`;
  return { attempt, cause: 'exited', exitCode: code, message: message.slice(0, 4000) };
}

function deadlineWords({ deadlineSeconds, state: { progress } }: Observed): CancelTrainingBody {
  const { step, totalSteps } = progress;
  const far =
    step === undefined ? '' : ` after step ${step}${totalSteps ? ` of ${totalSteps}` : ''}`;
  return {
    reason: 'DeadlineExceeded',
    message: `activeDeadlineSeconds (${deadlineSeconds}) passed${far}; create another TrainingRun with more time`,
  };
}
