import type { Outcome } from './outcome.ts';

/** Retries by cause (design: rollouts.md 5). Nothing is ever retried because a reward was low. */
export interface RetryPolicy {
  /** Further attempts after infrastructure failures. */
  readonly infraRetries: number;
  /** Further attempts after disruptions: engine died, node lost, pre-empted. Own counter. */
  readonly disruptionLimit: number;
}

/** What the decision needs of an attempt; the store's rows have it. */
export interface AttemptFacts {
  /** Present once the agent has ended and its workspace is safe or refused. */
  readonly end: object | undefined;
  /** Present once the attempt is classed. */
  readonly close: { readonly class: Outcome | 'disruption'; readonly reason: string } | undefined;
}

/** What an engine does next for one undecided rollout, from its attempts alone. */
export type RolloutStep<A extends AttemptFacts> =
  | { readonly do: 'openAttempt' }
  /** An attempt of an engine that is no more: close it, then look again. */
  | { readonly do: 'closeDisrupted'; readonly attempt: A }
  /** The workspace is safe: verify what is not verified yet, then decide. */
  | { readonly do: 'verify'; readonly attempt: A }
  /** Retries are used up. */
  | { readonly do: 'giveUp'; readonly attempt: A; readonly reason: GiveUpReason };

export type GiveUpReason = 'InfraRetriesExhausted' | 'DisruptionLimit' | 'SnapshotNeverArrived';

/**
 * Level-triggered: the same rows give the same step, whoever asks and however often. `attempts` in
 * order of number; the asking engine has none of them running. The first `retriesFrom` use no retry.
 */
export function nextStep<A extends AttemptFacts>(
  attempts: readonly A[],
  policy: RetryPolicy,
  retriesFrom = 0,
): RolloutStep<A> {
  const last = attempts.at(-1);
  if (last === undefined) return { do: 'openAttempt' };
  if (last.close === undefined) {
    return last.end === undefined
      ? { do: 'closeDisrupted', attempt: last }
      : { do: 'verify', attempt: last };
  }
  const counted = attempts.slice(retriesFrom);
  switch (last.close.class) {
    case 'disruption':
      return closedWith(counted, 'disruption') > policy.disruptionLimit
        ? { do: 'giveUp', attempt: last, reason: 'DisruptionLimit' }
        : { do: 'openAttempt' };
    case 'infra_error':
      return closedWith(counted, 'infra_error') > policy.infraRetries
        ? { do: 'giveUp', attempt: last, reason: infraReason(last) }
        : { do: 'openAttempt' };
    case 'cancelled':
      return { do: 'openAttempt' };
    default:
      return { do: 'verify', attempt: last };
  }
}

function closedWith(attempts: readonly AttemptFacts[], kind: 'disruption' | 'infra_error'): number {
  return attempts.filter((attempt) => attempt.close?.class === kind).length;
}

/**
 * An agent that ended on a living node without a snapshot, again and again, is taken to prevent it:
 * the rollout is decided against the agent (design: rollouts.md 5).
 */
function infraReason(last: AttemptFacts): GiveUpReason {
  return last.close?.reason === 'SnapshotNeverArrived'
    ? 'SnapshotNeverArrived'
    : 'InfraRetriesExhausted';
}
