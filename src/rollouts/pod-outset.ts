import {
  containerOf,
  type Interruption,
  interruption,
  isOver,
  neverRanReason,
  type PodFacts,
} from './pod-facts.ts';

/** The containers of a sandbox pod by their parts in it, and the words for those that failed. */
export interface PodParts {
  /** Asks for the pod's row and lays out what the main one needs. */
  readonly first: { readonly name: string; readonly failure: string };
  readonly sidecar: { readonly name: string; readonly failure: string };
  /** Runs foreign code. */
  readonly main: string;
}

/** Exit codes of a first container that was told to do nothing, or to wait; protocol/pod-contract.ts. */
const NOTHING_TO_DO: ReadonlySet<number> = new Set([42, 43]);

/**
 * What can be said of a pod without a look at its main container's own end. Undefined where the pod is
 * over, had a row and was ended by nothing from outside.
 */
export function outset(
  pod: PodFacts,
  { first, main }: PodParts,
  now: number,
): { readonly class: 'running' | 'unclaimed' } | Interruption | undefined {
  if (!isOver(pod, now)) return { class: 'running' };
  const code = containerOf(pod, first.name)?.terminated?.exitCode;
  if (code !== undefined && NOTHING_TO_DO.has(code)) return { class: 'unclaimed' };
  return interruption(pod, main, now);
}

/** Why the main container of a pod that is over never ran, as one word. */
export function neverStarted(pod: PodFacts, { first, sidecar, main }: PodParts): string {
  if (pod.reason === 'DeadlineExceeded') return 'StartDeadline';
  for (const { name, failure } of [first, sidecar]) if (hasFailed(pod, name)) return failure;
  const pulling = containerOf(pod, first.name)?.waitingReason;
  return pulling?.includes('Image') ? pulling : neverRanReason(pod, main);
}

export function hasFailed(pod: PodFacts, name: string): boolean {
  const ended = containerOf(pod, name)?.terminated;
  return ended !== undefined && ended.exitCode !== 0;
}
