import type {
  nextVerification,
  VerificationFacts,
  VerificationStep,
} from '../rollouts/next-verification.ts';
import {
  type Check,
  type Finding,
  type FindingCode,
  NO_SCORE,
  type Outcome,
  type Score,
} from '../rollouts/outcome.ts';
import type { AttemptEnd, VerificationRow } from '../store/records.ts';
import type { CodeVerifier, Task } from '../tasks/task.ts';
import { type CodeScoreChoice, combineScore } from './score.ts';

/** What the verifications of one attempt come to. `outcome` undefined: by how the agent ended. */
export interface AttemptVerdict {
  readonly outcome: Outcome | undefined;
  readonly reason: string;
  readonly score: Score;
  readonly asLeft: Score | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** Findings of a workspace that was put right before grading: then the score as left is taken too. */
const CORRECTIONS: ReadonlySet<FindingCode> = new Set([
  'ProtectedInputChanged',
  'ProtectedInputDeleted',
  'ShadowingModuleRemoved',
]);

/** What the verdict rules ask of an attempt's rows. */
export function verificationFacts(
  verifier: CodeVerifier,
  end: AttemptEnd,
  rows: readonly VerificationRow[],
  known: VerificationFacts['knownCheckNames'],
): VerificationFacts {
  const changed = rows.some((row) => row.findings.some(({ code }) => CORRECTIONS.has(code)));
  return {
    snapshot: end.snapshot === undefined ? 'refused' : 'present',
    refusal: end.refused ?? '',
    protectedInputChanged: changed,
    agentCode: verifier.agentCode,
    knownCheckNames: known,
  };
}

/** True where a row needs proof of where its result came from: one that pays nothing needs none. */
export function pays({ flat, native }: VerificationRow): boolean {
  return (flat ?? 0) > 0 || (native ?? 0) > 0;
}

/** The verdict of a step of the rules that ends them. */
export function verdictOf(
  step: Exclude<ReturnType<typeof nextVerification>, { do: 'run' }>,
  task: Pick<Task, 'weights'>,
  choice: CodeScoreChoice,
): AttemptVerdict {
  return step.do === 'decide' ? decided(step, task, choice) : verifierFailed(step);
}

function decided(
  step: Extract<VerificationStep, { do: 'decide' }>,
  { weights }: Pick<Task, 'weights'>,
  choice: CodeScoreChoice,
): AttemptVerdict {
  return {
    outcome: undefined,
    reason: '',
    score: combineScore(step.code, undefined, weights, choice),
    asLeft: step.asLeft && combineScore(step.asLeft, undefined, weights, choice),
    checks: step.checks,
    findings: step.findings,
  };
}

function verifierFailed(step: Extract<VerificationStep, { do: 'verifierError' }>): AttemptVerdict {
  return {
    ...unverifiable('VerifierFailed'),
    outcome: 'verifier_error',
    findings: step.findings,
  };
}

export function unverifiable(reason: string): AttemptVerdict {
  return {
    outcome: 'not_gradable',
    reason,
    score: NO_SCORE,
    asLeft: undefined,
    checks: [],
    findings: [],
  };
}

/** Grading could not run, again and again, for reasons of the platform. */
export function gradingFailed(): AttemptVerdict {
  return { ...unverifiable('VerifySandboxFailed'), outcome: 'infra_error' };
}
