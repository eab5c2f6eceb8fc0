import { join } from 'node:path';
import { errorMessage } from '../../base/error.ts';
import { fetchVerifier, fetchWorkspace } from '../../phases/fetch.ts';
import { type GradeResult, grade } from '../../phases/grade.ts';
import { emptyPayload, gradePayload } from '../../phases/grade-payload.ts';
import { gradeRequest } from '../../phases/grade-request.ts';
import { nextVerification } from '../../rollouts/next-verification.ts';
import type { Finding } from '../../rollouts/outcome.ts';
import type {
  AttemptEnd,
  AttemptRow,
  VerificationKind,
  VerificationRow,
} from '../../store/records.ts';
import type { CodeVerifier } from '../../tasks/task.ts';
import {
  type AttemptVerdict,
  gradingFailed,
  pays,
  unverifiable,
  verdictOf,
  verificationFacts,
} from '../../verifiers/attempt-verdict.ts';
import type { RolloutJob, RolloutRunnerDeps } from './rollout-runner.ts';

/** A verdict whose last row may still be on its way to the disk. */
export interface LocalVerdict extends AttemptVerdict {
  /** With what the caller writes it is one commit. */
  readonly stored?: Promise<unknown>;
}

/** Tries of one verification when the sandbox itself fails; the agent is never run again for it. */
const GRADE_TRIES = 3;
const RETRY_PAUSE_MS = 500;

/**
 * Runs the verifications that the rules ask for (design: rollouts.md 7) until there is a verdict.
 * Rows of an earlier engine count; undefined where the signal stopped it.
 */
export async function verifyAttempt(
  job: RolloutJob,
  attempt: AttemptRow,
  end: AttemptEnd,
  deps: RolloutRunnerDeps,
  signal: AbortSignal,
): Promise<LocalVerdict | undefined> {
  const verifier = job.task.verifier;
  if (verifier === undefined) return unverifiable('NeedsJudge');
  const rows = [...(await deps.store.listVerifications(attempt.id))];
  let stored: Promise<unknown> = Promise.resolve();
  while (!signal.aborted) {
    // A result that pays nothing needs no proof of where it came from.
    const proof = rows.some(pays) ? await knownNames(job, deps, signal) : { names: undefined };
    if (proof === undefined) return signal.aborted ? undefined : gradingFailed();
    const step = nextVerification(rows, verificationFacts(verifier, end, rows, proof.names));
    if (step.do !== 'run') {
      return { ...verdictOf(step, job.task, job.plan.settings.score), stored };
    }
    await stored;
    const request = { job, attempt, end, verifier, kind: step.kind };
    const row = await tryVerification(request, deps, signal);
    if (row === undefined) return signal.aborted ? undefined : gradingFailed();
    rows.push(row);
    stored = deps.api.addVerification(row);
  }
  return undefined;
}

interface VerificationRequest {
  readonly job: RolloutJob;
  readonly attempt: AttemptRow;
  readonly end: AttemptEnd;
  readonly verifier: CodeVerifier;
  readonly kind: VerificationKind;
}

/** The check names of the task's own gate runs, or undefined where the sandbox would not run them. */
async function knownNames(job: RolloutJob, deps: RolloutRunnerDeps, signal: AbortSignal) {
  return await withRetries(job.rollout.id, deps, signal, async () => ({
    names: await deps.knownCheckNames(job),
  }));
}

async function tryVerification(
  request: VerificationRequest,
  deps: RolloutRunnerDeps,
  signal: AbortSignal,
): Promise<VerificationRow | undefined> {
  const what = `${request.attempt.id} ${request.kind}`;
  return await withRetries(what, deps, signal, () => runVerification(request, deps, signal));
}

/** The result, or undefined where the sandbox failed at every try or the signal stopped them. */
async function withRetries<T>(
  what: string,
  deps: RolloutRunnerDeps,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T | undefined> {
  for (let failures = 1; failures <= GRADE_TRIES && !signal.aborted; failures += 1) {
    try {
      return await run();
    } catch (cause) {
      if (signal.aborted) return undefined;
      deps.logger.warn({ what, cause }, `grading could not run: ${errorMessage(cause)}`);
      await deps.clock.sleep(RETRY_PAUSE_MS * failures, signal).catch(() => undefined);
    }
  }
  return undefined;
}

async function runVerification(
  request: VerificationRequest,
  deps: RolloutRunnerDeps,
  signal: AbortSignal,
): Promise<VerificationRow> {
  const { job, attempt, end, verifier, kind } = request;
  const scratch = await deps.runtime.scratch('v', await expectedBytes(request, deps));
  try {
    const scratchDir = join(scratch, 'workspace');
    const verifierDir = join(scratch, 'verifier');
    const { blobs } = job.plan.taskSet;
    await fetchVerifier(verifier, blobs, verifierDir);
    const corrected = await fetchWorkspace(job.task, end.snapshot, kind, scratchDir, {
      streamArtifact: (digest) => deps.api.stream(digest),
      blobs,
      caps: job.plan.settings.snapshot,
    });
    // What the agent said must not break the run that tells its output from a broken verifier.
    const payload =
      kind === 'pristine' ? emptyPayload(job.task) : await gradePayload(job.task, attempt, deps);
    const folders = { verifierDir, scratchDir, payload };
    const result = await grade(gradeRequest(job.task, verifier, kind, folders), {
      sandbox: deps.sandbox,
      programsDir: deps.programsDir,
      ...(deps.compiled && { compiled: deps.compiled }),
      tmpDir: scratch,
      signal,
    });
    const findings = [...result.findings, ...corrected];
    return verificationRow(attempt, kind, result, findings, deps.clock.now());
  } finally {
    deps.runtime.discard(scratch);
  }
}

/** Known where the verifier runs nothing of the agent's; what it writes itself its limits bound. */
async function expectedBytes(
  { job, end, verifier, kind }: VerificationRequest,
  { api }: RolloutRunnerDeps,
): Promise<number> {
  if (verifier.agentCode !== 'none') return Number.POSITIVE_INFINITY;
  if (kind !== 'pristine' && end.snapshot !== undefined) {
    return (await api.size(end.snapshot)) ?? Number.POSITIVE_INFINITY;
  }
  return job.task.workspace.inputs.reduce((sum, { size }) => sum + size, 0);
}

function verificationRow(
  attempt: AttemptRow,
  kind: VerificationKind,
  result: GradeResult,
  findings: readonly Finding[],
  createdAt: number,
): VerificationRow {
  return {
    attempt: attempt.id,
    kind,
    status: result.status,
    message: result.message,
    checks: result.checks,
    flat: result.flat,
    native: result.native,
    seconds: result.seconds,
    grader: { root: result.root, python: result.python },
    findings,
    createdAt,
  };
}
