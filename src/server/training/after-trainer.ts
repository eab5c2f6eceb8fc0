import type { TrainerEndedBody } from '../../protocol/training-api.ts';
import { type AfterEnd, afterEnd, type Restarts } from '../../training/after-end.ts';
import { type TrainerEnd, trainerEnd } from '../../training/exit-code.ts';
import type { RunData } from './training-row.ts';

/**
 * Pure: what a run is after one start of its trainer is over. Told of another start than the one that
 * is wanted, nothing changes: it was counted already.
 */
export function afterTrainer(
  data: RunData,
  ended: TrainerEndedBody,
  most: Restarts,
  now: number,
): RunData {
  if (data.end !== undefined || ended.attempt !== data.attempt) return data;
  const { jobUid: _over, said: _said, ...kept } = data;
  const next = { ...kept, attempt: data.attempt + 1 };
  if (ended.cause === 'paused') return next;
  const after = afterEnd(endOf(ended), data.restarts, most);
  // A model would have ended the run by now.
  const decided = after.do === 'publish' ? lostModel(data.restarts, most) : after;
  const words = wordsOf(ended, data.said);
  if (decided.do === 'restart') {
    return { ...next, restarts: { ...decided.restarts }, lastEnd: `${decided.why}${words}` };
  }
  const message = `${decided.why}${words}`;
  return { ...kept, end: { state: 'failed', reason: decided.reason, message }, endedAt: now };
}

function endOf({ cause, exitCode }: TrainerEndedBody): TrainerEnd {
  return cause === 'lost' || exitCode === undefined ? { kind: 'stopped' } : trainerEnd(exitCode);
}

type Decided = Exclude<AfterEnd, { readonly do: 'publish' }>;

function lostModel(so: Restarts, most: Restarts): Decided {
  const reason = 'exit code 0, and its model was not handed in';
  const after = afterEnd({ kind: 'crashed', reason }, so, most);
  return after.do === 'publish' ? { do: 'fail', reason: 'BackoffLimit', why: reason } : after;
}

const wordsOf = ({ message }: TrainerEndedBody, said: string | undefined): string =>
  `${said === undefined ? '' : `. The trainer said: ${said}`}${message === undefined ? '' : ` (${message})`}`;
