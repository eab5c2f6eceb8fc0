import type { JobState } from '../../../src/protocol/operator-api.ts';
import type { Action } from './action.ts';
import type { JobFact, Observed, PodFact } from './observed.ts';

/** A live Job of the server with what the cluster has of it. */
export interface Carrier {
  readonly job: JobState;
  readonly fact: JobFact | undefined;
  readonly pods: readonly PodFact[];
}

/** Pods at a time that each live Job of a phase may have, in order of creation, and what is free. */
export interface Slots {
  readonly shares: ReadonlyMap<string, number>;
  readonly free: number;
}

/** Raising is worth a write of its own from this part of the parallelism on. */
const STEP_PART = 8;

export function parallelismOf({ batch, defaultParallelism }: Observed): number {
  return batch.spec.parallelism ?? defaultParallelism;
}

/** Rows that still need a pod of this Job. */
export const remaining = ({ job }: Carrier): number => Math.max(0, job.length - job.settled);

/**
 * Shares out the places: older Jobs first, none more than it has rows left. A Job that is ending keeps
 * the places of its pods until they are over.
 */
export function sharedSlots(places: number, carriers: readonly Carrier[]): Slots {
  const going = carriers.filter(isEnding);
  const held = going.reduce((sum, { pods }) => sum + pods.filter(({ over }) => !over).length, 0);
  let free = Math.max(0, places - held);
  const shares = new Map<string, number>();
  for (const carrier of carriers) {
    if (isEnding(carrier)) continue;
    const share = Math.min(remaining(carrier), free);
    shares.set(carrier.job.name, share);
    free -= share;
  }
  return { shares, free };
}

const isEnding = ({ fact }: Carrier): boolean =>
  fact !== undefined && (fact.deleting || fact.ending !== undefined);

/** Fewest places for which a write pays off while others are in use. */
export function step(places: number): number {
  return Math.max(1, Math.ceil(places / STEP_PART));
}

/**
 * Brings the parallelism of running Jobs to their shares. Never under a queue: Kueue stops a whole Job
 * whose count changes (design: rollouts.md 4). A lower value is written at once, for somebody asked for
 * it; a higher one when it is worth a write.
 */
export function resizes(
  places: number,
  carriers: readonly Carrier[],
  { shares }: Slots,
): readonly Action[] {
  return carriers.flatMap((carrier): Action[] => {
    const { fact } = carrier;
    const share = shares.get(carrier.job.name);
    if (fact === undefined || share === undefined || fact.finished) return [];
    const left = remaining(carrier);
    const used = Math.min(fact.parallelism, left);
    if (share < used) return [{ do: 'resize', job: fact, parallelism: share, lowering: true }];
    const worth = share - fact.parallelism >= step(places) || share === left;
    if (share <= fact.parallelism || !worth) return [];
    return [{ do: 'resize', job: fact, parallelism: share, lowering: false }];
  });
}
