import type { ModelHold } from '../../protocol/model-hold.ts';

/** What is known of an endpoint; times are monotonic milliseconds. */
export interface KnownAnswer {
  /** Undefined where it answers. */
  readonly hold: ModelHold | undefined;
  /** When it was asked last. */
  readonly askedAt: number;
  /** When its Secret was read last. */
  readonly readAt: number;
}

/** So long an answer holds for every run that begins. */
const YOUNG_MS = 10 * 60_000;
/** As long as a Secret holds for calls. */
const SECRET_MS = 30_000;
/** What refused may answer without a change of its Secret: a server that comes up, an account that is paid. */
const ASK_AGAIN_MS = 30_000;
/** A corrected Secret is seen within this time. */
const READ_AGAIN_MS = 5000;

/**
 * Pure: what is to be done before a run may start. `read`: the endpoint is asked only where its Secret has
 * changed.
 */
export function nextQuestion(known: KnownAnswer | undefined, now: number): 'ask' | 'read' | 'rest' {
  if (known === undefined) return 'ask';
  const { hold, askedAt, readAt } = known;
  const [askMs, readMs] =
    hold === undefined ? [YOUNG_MS, SECRET_MS] : [ASK_AGAIN_MS, READ_AGAIN_MS];
  if (now - askedAt >= askMs) return 'ask';
  return now - readAt >= readMs ? 'read' : 'rest';
}
