import { markHolds } from '../../../src/engines/kubernetes/settings.ts';
import type { JobOverCause } from '../../../src/protocol/claw-gym-server.ts';
import type { JobState } from '../../../src/protocol/operator-api.ts';
import type { Action } from './action.ts';
import { newRolloutJobs, newVerifyJobs } from './new-jobs.ts';
import type { EndingCause, Mode, Observed, PodFact } from './observed.ts';
import { type Carrier, parallelismOf, remaining, resizes, sharedSlots } from './slots.ts';

/** Finished pods are deleted together when so many have piled up. */
const SWEEP_ABOVE = 200;

/**
 * Pure: from what is wanted and observed to the next steps, in the order in which they are to be done.
 * Evidence of every pod that is over has been sent before. Empty: nothing to do until something
 * changes.
 */
export function plan(observed: Observed): readonly Action[] {
  const carriers = carriersOf(observed);
  return [
    ...observed.pods
      .filter((pod) => pod.startOverdue && !pod.over)
      .map((pod): Action => ({ do: 'evict', pod })),
    ...carriers.flatMap((carrier) => ofJob(carrier, observed)),
    ...(observed.mode === 'run' ? places(carriers, observed) : []),
    ...ends(carriers, observed),
    ...(needsSweep(observed) ? [{ do: 'sweep' } as const] : []),
  ];
}

/** Live Jobs, by what the server says. */
function carriersOf({ state, jobs, pods }: Observed): readonly Carrier[] {
  return state.jobs
    .filter(({ live }) => live)
    .map((job) => {
      const fact = jobs.find(({ name }) => name === job.name);
      const uid = job.uid ?? fact?.uid;
      return { job, fact, pods: pods.filter(({ jobUid }) => jobUid === uid) };
    });
}

function ofJob(carrier: Carrier, observed: Observed): readonly Action[] {
  const { job, fact } = carrier;
  if (fact === undefined) return missing(carrier, observed);
  const told: readonly Action[] =
    job.uid === undefined ? [{ do: 'tell-uid', name: job.name, uid: fact.uid }] : [];
  const over = overCause(carrier, observed);
  if (over !== undefined) return [...told, { do: 'over', name: job.name, cause: over }];
  const cause = fact.ending ?? endingCause(carrier, observed);
  if (cause === undefined || fact.deleting) return told;
  return [...told, { do: 'end', job: fact, cause }];
}

/** A Job that the server knows and the cache does not. */
function missing({ job, pods }: Carrier, { mode, absent }: Observed): readonly Action[] {
  const cause = MODE_CAUSE[mode];
  if (job.uid === undefined) {
    if (cause !== undefined && absent.has(job.name)) return [over(job, cause)];
    if (cause !== undefined) return [{ do: 'look', name: job.name }];
    // Created below, where its share of the places is known.
    return [];
  }
  if (!absent.has(job.name)) return [{ do: 'look', name: job.name }];
  // Its pods outlive it by their grace period, and their evidence is worth waiting for.
  return allOver(pods) ? [over(job, cause ?? 'lost')] : [];
}

const MODE_CAUSE: Readonly<Record<Mode, EndingCause | undefined>> = {
  run: undefined,
  pause: 'paused',
  stop: 'deadline',
};

const over = (job: JobState, cause: JobOverCause): Action => ({
  do: 'over',
  name: job.name,
  cause,
});

/** Why nothing more is to be expected of the Job's pods; undefined while something is. */
function overCause(
  carrier: Carrier,
  { mode, state }: Pick<Observed, 'mode' | 'state'>,
): JobOverCause | undefined {
  const { fact, pods } = carrier;
  if (fact === undefined) return undefined;
  // No pod's end changes a decision any more: their node and the Job controller are not waited for.
  if (state.decided === state.planned && remaining(carrier) === 0) return 'finished';
  if (!allOver(pods)) return undefined;
  if (fact.deleting) return fact.ending ?? MODE_CAUSE[mode] ?? 'lost';
  if (fact.finished) return 'finished';
  const stuck = pods.some((pod) => pod.stuck);
  return remaining(carrier) === 0 && !stuck && pods.length > 0 ? 'finished' : undefined;
}

function endingCause(
  carrier: Carrier,
  { mode, mark }: Pick<Observed, 'mode' | 'mark'>,
): EndingCause | undefined {
  const { fact, pods } = carrier;
  if (fact === undefined || fact.finished) return undefined;
  const cause = MODE_CAUSE[mode];
  if (cause !== undefined) return cause;
  if (isNeedless(carrier)) return 'replaced';
  // What a lost node holds is carried by the next generation, once nothing else is left here.
  const stuck = pods.filter((pod) => pod.stuck).length;
  const onlyStuck = stuck > 0 && allOver(pods) && remaining(carrier) <= stuck;
  return !markHolds(fact.mark, mark) || onlyStuck ? 'replaced' : undefined;
}

/**
 * Every row is settled, and all that keeps the Job from its end is what has not begun: pods that replace
 * ended ones and find no room, or a queue's turn. Nothing is lost with them.
 */
function isNeedless(carrier: Carrier): boolean {
  const { fact, pods } = carrier;
  if (remaining(carrier) > 0) return false;
  const open = pods.filter((pod) => !(pod.over && pod.reported));
  if (open.length > 0) return open.every((pod) => pod.pending);
  return pods.length === 0 && fact?.suspended !== undefined;
}

const allOver = (pods: readonly PodFact[]): boolean =>
  pods.every((pod) => pod.over && pod.reported);

/** Who may have how many pods: changes of running Jobs, then Jobs that are not there yet. */
function places(carriers: readonly Carrier[], observed: Observed): readonly Action[] {
  const total = parallelismOf(observed);
  const queued = observed.batch.spec.sandbox.queueName !== undefined;
  const phases = { rollout: inPhase(carriers, 'rollout'), verify: inPhase(carriers, 'verify') };
  const slots = {
    rollout: sharedSlots(total, phases.rollout),
    verify: sharedSlots(total, phases.verify),
  };
  const creates = carriers
    .filter(({ job, fact }) => observed.mayStart && fact === undefined && job.uid === undefined)
    .map(({ job }): Action => {
      const share = slots[job.phase].shares.get(job.name) ?? 0;
      return { do: 'create', job, parallelism: Math.max(1, share) };
    });
  return [
    ...(queued ? [] : resizes(total, phases.rollout, slots.rollout)),
    ...creates,
    ...newRolloutJobs(observed, phases.rollout, slots.rollout.free),
    ...newVerifyJobs(observed, phases, slots.verify.free),
  ];
}

function inPhase(carriers: readonly Carrier[], phase: JobState['phase']): readonly Carrier[] {
  return carriers.filter(({ job }) => job.phase === phase);
}

/** What is left when no Job lives. */
function ends(carriers: readonly Carrier[], { mode, state }: Observed): readonly Action[] {
  if (carriers.length > 0 || state.results !== undefined) return [];
  if (state.decided === state.planned) return [{ do: 'finish' }];
  return mode === 'stop' ? [{ do: 'cancel' }, { do: 'finish' }] : [];
}

/** Only where it would take no pod whose evidence the server lacks. */
function needsSweep({ finished }: Observed): boolean {
  return finished.told > SWEEP_ABOVE && finished.untold === 0;
}
