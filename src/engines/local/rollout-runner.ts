import type { Clock } from '../../base/clock.ts';
import { type ClawError, errorMessage, toClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import type { CompiledVerifiers } from '../../phases/compiled-verifiers.ts';
import { brokeItsNetwork } from '../../rollouts/agent-outcome.ts';
import { nextStep } from '../../rollouts/next-step.ts';
import type {
  AttemptClose,
  AttemptEnd,
  AttemptRow,
  RecordStore,
  RolloutDecision,
  RolloutRow,
} from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import { giveUpDecision, verifiedDecision } from '../../verifiers/rollout-decision.ts';
import type { BatchPlan, EngineObserver } from '../engine.ts';
import { type AttemptRunnerDeps, runAttempt } from './attempt-runner.ts';
import { verifyAttempt } from './verification-runner.ts';

export interface RolloutRunnerDeps extends AttemptRunnerDeps {
  readonly store: RecordStore;
  /** Identifies this process; attempts of other engines are disrupted ones. */
  readonly engineId: string;
  readonly newNonce: () => string;
  /** Check names that the task's own gate runs gave, where its verifier runs agent code. */
  readonly knownCheckNames: (
    job: RolloutJob,
  ) => Promise<readonly (readonly string[])[] | undefined>;
  readonly compiled?: Pick<CompiledVerifiers, 'of'>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** One rollout with what is fixed for its whole run. */
export interface RolloutJob {
  readonly plan: BatchPlan;
  readonly task: Task;
  readonly rollout: RolloutRow;
}

/**
 * Takes one undecided rollout to its decision, whatever state an earlier engine left it in. Stops
 * without a decision when the signal fires; every step is durable before the next begins.
 */
export async function runRollout(
  job: RolloutJob,
  deps: RolloutRunnerDeps,
  observer: EngineObserver,
  signal: AbortSignal,
): Promise<void> {
  observer.started(job.rollout);
  while (!signal.aborted) {
    const attempts = await deps.store.listAttempts(job.rollout.id);
    const step = nextStep(attempts, job.plan.settings.retries, job.rollout.retriesFrom);
    switch (step.do) {
      case 'openAttempt':
        await openAndRun(job, deps, observer, signal);
        break;
      case 'closeDisrupted':
        await close(deps, step.attempt, 'disruption', 'EngineDied');
        observer.retried(job.rollout, 'EngineDied');
        break;
      case 'verify':
        if (await verifyAndDecide(job, step.attempt, deps, observer, signal)) return;
        break;
      case 'giveUp':
        await decide(
          job,
          deps,
          observer,
          giveUpDecision(step.attempt, step.reason, deps.clock.now()),
        );
        return;
    }
  }
}

async function openAndRun(
  job: RolloutJob,
  deps: RolloutRunnerDeps,
  observer: EngineObserver,
  signal: AbortSignal,
): Promise<void> {
  const { agent } = job.plan;
  const attempt = await deps.api.openAttempt(job.rollout.id, {
    engine: deps.engineId,
    nonce: deps.newNonce(),
    startedAt: deps.clock.now(),
    harness: { name: agent.name, version: agent.version, configDigest: agent.configDigest },
  });
  try {
    const { end, modelLost } = await runAttempt(job.plan, job.task, attempt, deps, signal);
    if (signal.aborted) return await close(deps, attempt, 'cancelled', 'Stopped');
    if (modelLost !== undefined && !brokeItsNetwork(end.agent)) {
      // Nothing is verified, but what the agent printed and why it lost its model is kept.
      const lost = { ...end, findings: [...end.findings, modelLost] };
      await close(deps, attempt, 'infra_error', modelLost.code, lost);
      return observer.retried(job.rollout, modelLost.code);
    }
    await deps.api.endAttempt(attempt.id, attempt.nonce, end);
  } catch (cause) {
    if (signal.aborted) return await close(deps, attempt, 'cancelled', 'Stopped');
    const error = toClawError(cause, 'SandboxFailed');
    deps.logger.warn({ attempt: attempt.id, code: error.code, cause }, errorMessage(cause));
    const { kind, reason } = attemptFailure(error);
    await close(deps, attempt, kind, reason);
    observer.retried(job.rollout, reason);
  }
}

/**
 * What an attempt without an end was (design: rollouts.md 5): a lost sandbox host is a disruption; a
 * wrapper that was killed, and a workspace that cannot be read back after the agent has ended, may be
 * the agent's doing, and are decided against it once retries are used up; our own store failing never is.
 */
const AGENTS_OWN: ReadonlySet<unknown> = new Set(['agent', 'snapshot']);

function attemptFailure(error: ClawError): { kind: AttemptClose['class']; reason: string } {
  if (error.code === 'SandboxHostLost') return { kind: 'disruption', reason: error.code };
  const unread = AGENTS_OWN.has(error.details['phase']) && error.code !== 'StoreUnavailable';
  return { kind: 'infra_error', reason: unread ? 'SnapshotNeverArrived' : error.code };
}

/** True where the rollout is decided; false where the signal stopped the verification. */
async function verifyAndDecide(
  job: RolloutJob,
  attempt: AttemptRow,
  deps: RolloutRunnerDeps,
  observer: EngineObserver,
  signal: AbortSignal,
): Promise<boolean> {
  const end = attempt.end;
  if (end === undefined) return false;
  const verdict = await verifyAttempt(job, attempt, end, deps, signal);
  if (verdict === undefined) return false;
  const decision = verifiedDecision(attempt, end, verdict, job.task, deps.clock.now());
  // Asked for together, they share a commit. A crash between them is harmless: the rows decide again.
  const closed = close(deps, attempt, decision.outcome, decision.reason);
  const decided = decide(job, deps, observer, decision);
  await Promise.all([verdict.stored, closed, decided]);
  return true;
}

async function decide(
  job: RolloutJob,
  deps: RolloutRunnerDeps,
  observer: EngineObserver,
  decision: RolloutDecision,
): Promise<void> {
  observer.decided(await deps.store.decideRollout(job.rollout.id, decision));
}

async function close(
  deps: RolloutRunnerDeps,
  attempt: AttemptRow,
  kind: AttemptClose['class'],
  reason: string,
  end?: AttemptEnd,
): Promise<void> {
  if (attempt.close !== undefined) return;
  const closed = { class: kind, reason, closedAt: deps.clock.now() };
  await deps.store.closeAttempt(attempt.id, closed, end);
}
