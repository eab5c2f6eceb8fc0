import type { ReadCall } from './read-calls.ts';

/** The text of the last answer that had one: what the agent told its user in the end, or ''. */
export function finalMessage(calls: readonly ReadCall[]): string {
  return (
    calls.findLast((call) => (call.answer?.content ?? '').trim() !== '')?.answer?.content ?? ''
  );
}
