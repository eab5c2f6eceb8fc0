import { agentOutcome } from '../rollouts/agent-outcome.ts';
import type { GiveUpReason } from '../rollouts/next-step.ts';
import { type Finding, NO_SCORE, type Outcome } from '../rollouts/outcome.ts';
import { uniqueFindings } from '../rollouts/unique-findings.ts';
import type { AttemptEnd, AttemptRow, RolloutDecision } from '../store/records.ts';
import type { Task } from '../tasks/task.ts';
import type { AttemptVerdict } from './attempt-verdict.ts';
import { rubricNotJudged } from './rubric-not-judged.ts';

/** The decision of a rollout whose attempt ended and was verified. */
export function verifiedDecision(
  attempt: Pick<AttemptRow, 'id'>,
  end: AttemptEnd,
  verdict: AttemptVerdict,
  task: Pick<Task, 'rubric' | 'weights'>,
  now: number,
): RolloutDecision {
  const snapshot = end.snapshot === undefined ? 'refused' : 'present';
  return {
    outcome: verdict.outcome ?? agentOutcome(end.agent, snapshot),
    reason: verdict.reason,
    attempt: attempt.id,
    score: verdict.score,
    asLeft: verdict.asLeft,
    checks: verdict.checks,
    findings: uniqueFindings([
      ...end.findings,
      ...verdict.findings,
      ...rubricNotJudged(task, verdict.score),
    ]),
    decidedAt: now,
  };
}

/** The decision of a rollout whose retries are used up. */
export function giveUpDecision(
  attempt: AttemptRow,
  reason: GiveUpReason,
  now: number,
): RolloutDecision {
  if (reason === 'SnapshotNeverArrived') {
    const message = 'no attempt left a workspace to grade';
    return againstAgent(attempt, 'agent_error', reason, [{ code: reason, message }], now);
  }
  return {
    outcome: 'infra_error',
    reason: attempt.close?.reason ?? reason,
    attempt: attempt.id,
    score: NO_SCORE,
    asLeft: undefined,
    checks: [],
    findings: attempt.end?.findings ?? [],
    decidedAt: now,
  };
}

/** The agent's own doing, with no workspace to grade: score 0. */
export function againstAgent(
  attempt: AttemptRow,
  outcome: Extract<Outcome, 'agent_error' | 'agent_timeout'>,
  reason: string,
  findings: readonly Finding[],
  now: number,
): RolloutDecision {
  return {
    outcome,
    reason,
    attempt: attempt.id,
    score: { flat: 0, native: 0, rubric: null, final: 0 },
    asLeft: undefined,
    checks: [],
    findings,
    decidedAt: now,
  };
}
