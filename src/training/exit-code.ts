/** Why the same run would end the same. */
export type FinalReason = 'BadInput' | 'Diverged' | 'OutOfMemory';

/** What an end of a trainer's process means for its run. */
export type TrainerEnd =
  | { readonly kind: 'done' }
  /** The same run would end so again: nothing is tried again. */
  | { readonly kind: 'failed'; readonly reason: FinalReason }
  /** It was told to stop and wrote a checkpoint, or something took it away. */
  | { readonly kind: 'stopped' }
  /** Anything else: it is started again from the newest checkpoint, a bounded number of times. */
  | { readonly kind: 'crashed'; readonly reason: string };

const BY_CODE: ReadonlyMap<number, TrainerEnd> = new Map<number, TrainerEnd>([
  [0, { kind: 'done' }],
  [2, { kind: 'failed', reason: 'BadInput' }],
  [3, { kind: 'failed', reason: 'Diverged' }],
  [4, { kind: 'failed', reason: 'OutOfMemory' }],
  [143, { kind: 'stopped' }],
]);

/**
 * The exit codes of the pod contract (docs/reference/sft.md). A process that a signal ended has 128 and
 * its number: SIGTERM without a handler reads as stopped; SIGKILL, which also is how a kernel without
 * memory ends one, is a crash.
 */
export function trainerEnd(code: number): TrainerEnd {
  return BY_CODE.get(code) ?? { kind: 'crashed', reason: `exit code ${code}` };
}
