import { type GateName, proofGates } from '../../phases/gate-changes.ts';
import { nextStep } from '../../rollouts/next-step.ts';
import { nextVerification } from '../../rollouts/next-verification.ts';
import type { GateRunRow } from '../../store/cluster-records.ts';
import type {
  AttemptEnd,
  AttemptRow,
  RolloutDecision,
  VerificationKind,
  VerificationRow,
} from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import {
  gradingFailed,
  pays,
  unverifiable,
  verdictOf,
  verificationFacts,
} from '../../verifiers/attempt-verdict.ts';
import {
  againstAgent,
  giveUpDecision,
  verifiedDecision,
} from '../../verifiers/rollout-decision.ts';
import type { BatchSettings } from '../planning/batch-settings.ts';

/** What an undecided rollout needs next, from its rows alone (design: cluster.md 4 and 5). */
export type NextWork =
  | { readonly do: 'attempt' }
  /** Its agent is at work: the pod's end says what comes next. */
  | { readonly do: 'wait'; readonly attempt: AttemptRow }
  | { readonly do: 'verify'; readonly attempt: AttemptRow; readonly kind: VerificationKind }
  /** A paying result of a verifier that runs agent code is held against these first. */
  | { readonly do: 'gates'; readonly gates: readonly GateName[] }
  | {
      readonly do: 'decide';
      readonly attempt: AttemptRow;
      readonly decision: RolloutDecision;
      readonly class: NonNullable<AttemptRow['close']>['class'];
    };

export interface RolloutRows {
  readonly task: Task;
  readonly settings: BatchSettings;
  readonly retriesFrom: number;
  /** By number. */
  readonly attempts: readonly AttemptRow[];
  /** Of any of the attempts. */
  readonly verifications: readonly VerificationRow[];
  readonly gateRuns: readonly GateRunRow[];
  /** True where grading failed for reasons of the platform more often than is tried again. */
  readonly gradingExhausted: boolean;
  readonly now: number;
}

export function nextWork(rows: RolloutRows): NextWork {
  const step = nextStep(rows.attempts, rows.settings.retries, rows.retriesFrom);
  switch (step.do) {
    case 'openAttempt':
      return { do: 'attempt' };
    case 'closeDisrupted':
      return { do: 'wait', attempt: step.attempt };
    case 'giveUp':
      return decide(step.attempt, giveUpDecision(step.attempt, step.reason, rows.now));
    case 'verify':
      return step.attempt.end === undefined
        ? decidedWithoutEnd(step.attempt, rows.now)
        : verify(step.attempt, step.attempt.end, rows);
  }
}

function verify(attempt: AttemptRow, end: AttemptEnd, rows: RolloutRows): NextWork {
  const { task, settings, now } = rows;
  const { verifier } = task;
  const verified = (verdict: ReturnType<typeof gradingFailed>): NextWork =>
    decide(attempt, verifiedDecision(attempt, end, verdict, task, now));
  if (verifier === undefined) return verified(unverifiable('NeedsJudge'));
  if (rows.gradingExhausted) return verified(gradingFailed());
  const own = rows.verifications.filter((row) => row.attempt === attempt.id);
  // A result that pays nothing needs no proof of where it came from.
  const needed = own.some(pays) ? proofGates(task) : [];
  const missing = needed.filter((gate) => !rows.gateRuns.some((run) => run.gate === gate));
  if (missing.length > 0) return { do: 'gates', gates: missing };
  const known = needed.length === 0 ? undefined : knownNames(needed, rows.gateRuns);
  const step = nextVerification(own, verificationFacts(verifier, end, own, known));
  if (step.do === 'run') return { do: 'verify', attempt, kind: step.kind };
  return verified(verdictOf(step, task, settings.score));
}

/** Undefined where no gate run came to a verdict: then there is no proof. */
function knownNames(
  gates: readonly GateName[],
  runs: readonly GateRunRow[],
): readonly (readonly string[])[] | undefined {
  const names = gates.flatMap((gate) => {
    const run = runs.find((row) => row.gate === gate);
    return run?.names === undefined || run.names === null ? [] : [run.names];
  });
  return names.length === 0 ? undefined : names;
}

function decide(attempt: AttemptRow, decision: RolloutDecision): NextWork {
  return { do: 'decide', attempt, decision, class: attempt.close?.class ?? decision.outcome };
}

/** Closed against the agent without a workspace, and the decision did not follow: a crash between. */
function decidedWithoutEnd(attempt: AttemptRow, now: number): NextWork {
  const { close } = attempt;
  const outcome = close?.class === 'agent_timeout' ? 'agent_timeout' : 'agent_error';
  return decide(attempt, againstAgent(attempt, outcome, close?.reason ?? '', [], now));
}
