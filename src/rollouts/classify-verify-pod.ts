import {
  containerOf,
  disruption,
  evictedForOwnUse,
  hadItsTime,
  type Interruption,
  infra,
  type PodFacts,
  ranAndEnded,
} from './pod-facts.ts';
import { neverStarted, outset, type PodParts } from './pod-outset.ts';

/** What is known of a verification beside its pod. */
export interface VerifyPodFacts {
  /** Its row is stored. */
  readonly settled: boolean;
  /** What `report` found wrong with the verdict; undefined where it has said nothing. */
  readonly problem: string | undefined;
  /** The verifier's own deadline, which is shorter than its pod's. */
  readonly verifierSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type VerifyPodClass =
  | { readonly class: 'running' }
  | { readonly class: 'settled' }
  /** Fetch was told that there is nothing to do, or to wait. */
  | { readonly class: 'unclaimed' }
  /** The verifier's own end, a case for the verdict rules (design: rollouts.md 7). */
  | { readonly class: 'crash' | 'timeout'; readonly message: string }
  /** Run it again. */
  | Interruption;

const GRADE = 'grade';
const PARTS: PodParts = {
  first: { name: 'fetch', failure: 'FetchFailed' },
  sidecar: { name: 'report', failure: 'ReportFailed' },
  main: GRADE,
};

/**
 * Whether a verify pod without a verdict was the verifier's failure or the platform's. `pod`
 * undefined: it vanished without leaving evidence.
 */
export function classifyVerifyPod(
  pod: PodFacts | undefined,
  facts: VerifyPodFacts,
): VerifyPodClass {
  if (facts.settled) return { class: 'settled' };
  if (pod === undefined) return disruption('EvidenceLost');
  const outside = outset(pod, PARTS, facts.now);
  if (outside !== undefined) return outside;
  // Also while it was fetched: what is graded is the agent's.
  if (evictedForOwnUse(pod)) return { class: 'crash', message: pod.message ?? '' };
  const grade = ranAndEnded(containerOf(pod, GRADE));
  const running = containerOf(pod, GRADE)?.state === 'running';
  if (grade === undefined && !running) return infra(neverStarted(pod, PARTS));
  if (pod.reason === 'DeadlineExceeded') {
    if (hadItsTime(grade, facts.verifierSeconds)) {
      return { class: 'timeout', message: 'the verifier ran until the deadline of its pod' };
    }
    if (grade?.exitCode !== 0) return infra('PodDeadline');
  }
  if (grade?.reason === 'OOMKilled' && grade.exitCode !== 0) {
    return { class: 'crash', message: 'the verifier was killed for using more than its memory' };
  }
  if (grade !== undefined && grade.exitCode !== 0) {
    return {
      class: 'crash',
      message: `the verifier's process ended with exit code ${grade.exitCode}`,
    };
  }
  return facts.problem === undefined
    ? infra('VerdictNeverArrived')
    : { class: 'crash', message: facts.problem };
}
