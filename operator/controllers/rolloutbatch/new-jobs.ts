import { jobName } from '../../../src/engines/kubernetes/job-names.ts';
import type { Shape } from '../../../src/protocol/operator-api.ts';
import type { Action } from './action.ts';
import type { Observed, PodFact } from './observed.ts';
import { type Carrier, parallelismOf, remaining, step } from './slots.ts';

/** Rows of one Job at most (protocol/operator-api.ts zNewJobBody). */
const MAX_ROWS = 1000;
/**
 * While verdicts are under way a further wave waits until it has this part of the plan: each wave costs
 * writes, and there may be 0.3 a rollout in all (design: rollouts.md 4).
 */
const WAVES = 25;

/** Jobs for rollouts that wait, in plan order, while places are free. */
export function newRolloutJobs(
  observed: Observed,
  live: readonly Carrier[],
  places: number,
): readonly Action[] {
  if (mayNotStart(observed, live)) return [];
  const least = live.length === 0 ? 1 : step(parallelismOf(observed));
  return newJobs(observed, 'rollout', { places, least });
}

/** Verification waves. Verdicts have as many places as rollouts, beside them. */
export function newVerifyJobs(
  observed: Observed,
  live: { readonly rollout: readonly Carrier[]; readonly verify: readonly Carrier[] },
  places: number,
): readonly Action[] {
  if (mayNotStart(observed, live.verify)) return [];
  const { state } = observed;
  const waiting = state.waiting.filter(({ shape }) => shape.phase === 'verify');
  const count = waiting.reduce((sum, each) => sum + each.count, 0);
  const idle = live.verify.every((carrier) => remaining(carrier) === 0);
  const more = live.rollout.some((carrier) => remaining(carrier) > 0);
  const large = count >= Math.max(1, Math.ceil(state.planned / WAVES));
  if (!idle && more && !large) return [];
  return newJobs(observed, 'verify', { places, least: 1 });
}

/** Waiting for room has no deadline, and more Jobs would only make the queue longer. */
function mayNotStart({ mayStart }: Observed, live: readonly Carrier[]): boolean {
  const unplaced = ({ unschedulable, over }: PodFact): boolean =>
    unschedulable !== undefined && !over;
  return !mayStart || live.some(({ pods }) => pods.some(unplaced));
}

function newJobs(
  { batch, state }: Observed,
  phase: Shape['phase'],
  room: { readonly places: number; readonly least: number },
): readonly Action[] {
  let free = room.places;
  let generation = state.generations[phase];
  const actions: Action[] = [];
  for (const { shape, count } of state.waiting) {
    if (shape.phase !== phase || count === 0 || free < Math.min(room.least, count)) continue;
    generation += 1;
    // A wave is as long as its places; a rollout Job has a row for all that waits.
    const max = Math.min(MAX_ROWS, phase === 'verify' ? Math.min(count, free) : count);
    const name = jobName({ batch, shape, generation });
    const parallelism = Math.min(free, max);
    actions.push({ do: 'new', name, shape, generation, max, parallelism });
    free -= parallelism;
    if (free === 0) break;
  }
  return actions;
}
