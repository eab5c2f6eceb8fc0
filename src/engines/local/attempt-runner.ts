import { join } from 'node:path';
import type { AgentPlan } from '../../agents/agent.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError, toClawError } from '../../base/error.ts';
import { applyChanges } from '../../phases/apply-changes.ts';
import type { ProcessSandbox, SandboxLimits } from '../../phases/process-sandbox.ts';
import type { RolloutApi } from '../../phases/rollout-api.ts';
import { type AgentRun, runAgent } from '../../phases/run-agent.ts';
import { type SnapshotResult, takeSnapshot } from '../../phases/snapshot.ts';
import { stage } from '../../phases/stage.ts';
import type { AgentEnd, Finding } from '../../rollouts/outcome.ts';
import {
  agentDeadline,
  attemptLimits,
  isTimeBudget,
  TMP_MIB,
} from '../../server/planning/attempt-limits.ts';
import type { AttemptEnd, AttemptRow } from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import type { BatchPlan } from '../engine.ts';
import type { AttemptModelAccess, ModelAccess, ModelLoss } from './model-access.ts';
import type { RuntimeDir } from './runtime-dir.ts';

export interface AttemptRunnerDeps {
  readonly api: RolloutApi;
  readonly sandbox: ProcessSandbox;
  /** The compiled grader (see phases/grade-programs.ts). */
  readonly programsDir: string;
  readonly models: ModelAccess;
  readonly runtime: RuntimeDir;
  readonly clock: Clock;
}

/** How an attempt went, before anything about it is stored. */
export interface AttemptResult {
  readonly end: AttemptEnd;
  /** Why the model was lost: an infrastructure failure, whatever the agent did. */
  readonly modelLost: ModelLoss | undefined;
}

/**
 * stage -> agent beside its model link -> snapshot, for one attempt. Rejects on infrastructure
 * failures only; whatever the agent did is in the result.
 */
export async function runAttempt(
  plan: BatchPlan,
  task: Task,
  attempt: AttemptRow,
  deps: AttemptRunnerDeps,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const deadlineSeconds = agentDeadline(task, plan.settings);
  const agentPlan = await plan.agent.plan(task, {
    blobs: plan.taskSet.blobs,
    model: plan.model?.name,
    deadlineSeconds,
  });
  const scratch = await deps.runtime.scratch('a', expectedBytes(task, agentPlan));
  try {
    const workspaceDir = join(scratch, 'workspace');
    await stage(task, plan.taskSet.blobs, workspaceDir);
    const context = { plan, task, attempt, deps, signal, scratch, workspaceDir, deadlineSeconds };
    const ran = await runPlan(agentPlan, context);
    return await collectEnd(context, ran);
  } finally {
    deps.runtime.discard(scratch);
  }
}

/** Known where trusted code makes the changes; a program may write anything. */
function expectedBytes(task: Task, agentPlan: AgentPlan): number {
  if (agentPlan.kind === 'process') return Number.POSITIVE_INFINITY;
  const written = agentPlan.changes.map((change) =>
    change.op === 'write' ? change.content.byteLength : 0,
  );
  return [...written, ...task.workspace.inputs.map(({ size }) => size)].reduce((a, b) => a + b, 0);
}

interface AttemptContext {
  readonly plan: BatchPlan;
  readonly task: Task;
  readonly attempt: AttemptRow;
  readonly deps: AttemptRunnerDeps;
  readonly signal: AbortSignal;
  readonly scratch: string;
  readonly workspaceDir: string;
  readonly deadlineSeconds: number;
}

interface RanAgent {
  readonly end: AgentEnd;
  readonly findings: readonly Finding[];
  readonly stdout: Uint8Array | undefined;
  readonly stderr: Uint8Array | undefined;
  readonly modelLost: AttemptResult['modelLost'];
}

async function runPlan(agentPlan: AgentPlan, context: AttemptContext): Promise<RanAgent> {
  if (agentPlan.kind === 'process') return await runProcess(agentPlan, context);
  const started = context.deps.clock.monotonic();
  await applyChanges(context.workspaceDir, agentPlan.changes);
  const seconds = (context.deps.clock.monotonic() - started) / 1000;
  const end: AgentEnd = { exitCode: 0, signal: null, reason: 'Exited', seconds };
  return { end, findings: [], stdout: undefined, stderr: undefined, modelLost: undefined };
}

async function runProcess(
  agentPlan: Extract<AgentPlan, { kind: 'process' }>,
  context: AttemptContext,
): Promise<RanAgent> {
  const { plan, task, deps } = context;
  const link = await openLink(context);
  try {
    const limits = sandboxLimits(task, plan, agentPlan.memoryMiB);
    const run = await runAgent(agentPlan, {
      sandbox: deps.sandbox,
      workspaceDir: context.workspaceDir,
      workspacePath: task.workspace.path,
      linkSocket: link?.socketPath,
      limits,
      workspaceMiB: limits.fileMiB,
      workspaceEntries: plan.settings.snapshot.entries,
      tmpMiB: TMP_MIB,
      deadlineSeconds: context.deadlineSeconds,
      scratchDir: context.scratch,
      signal: context.signal,
    });
    const cut = run.end.reason === 'Deadline' ? context.deadlineSeconds : undefined;
    return withLinkState(timeBudget(run, context), link, link?.lost(cut));
  } finally {
    await link?.[Symbol.asyncDispose]();
  }
}

async function openLink(context: AttemptContext): Promise<AttemptModelAccess | undefined> {
  const { plan, attempt, deps, scratch } = context;
  if (plan.model === undefined) return undefined;
  return await deps.models.open({
    attempt: attempt.id,
    model: plan.model,
    budgets: plan.settings.budgets,
    gatewayLossSeconds: plan.settings.gatewayLossSeconds,
    socketDir: scratch,
  });
}

function withLinkState(
  run: AgentRun,
  link: AttemptModelAccess | undefined,
  modelLost: RanAgent['modelLost'],
): RanAgent {
  // The gateway had ended the episode before its link was lost; an endpoint that failed may have used
  // the budget up.
  const spent = link?.budgetEnded() === true;
  return {
    end: spent ? { ...run.end, reason: 'Budget' } : run.end,
    findings: run.findings,
    stdout: run.stdout.bytes,
    stderr: run.stderr.bytes,
    modelLost: spent && modelLost?.code === 'LinkLost' ? undefined : modelLost,
  };
}

/** A deadline that the run's time budget set, not the task's time-out, is a budget's end. */
function timeBudget(run: AgentRun, { plan, task }: AttemptContext): AgentRun {
  if (run.end.reason !== 'Deadline' || !isTimeBudget(task, plan.settings)) return run;
  return { ...run, end: { ...run.end, reason: 'Budget' } };
}

async function collectEnd(context: AttemptContext, ran: RanAgent): Promise<AttemptResult> {
  const { deps } = context;
  const snapshot = await readWorkspace(context);
  const stdout = ran.stdout && (await deps.api.put(ran.stdout)).digest;
  const stderr = ran.stderr && (await deps.api.put(ran.stderr)).digest;
  return {
    modelLost: ran.modelLost,
    end: {
      agent: ran.end,
      snapshot: snapshot.digest,
      refused: snapshot.refused,
      stdout,
      stderr,
      findings: [...ran.findings, ...snapshot.findings],
      endedAt: deps.clock.now(),
    },
  };
}

/** Marks failures of this step, which an agent might cause, apart from those of the store. */
async function readWorkspace({
  deps,
  plan,
  workspaceDir,
}: AttemptContext): Promise<SnapshotResult> {
  try {
    return await takeSnapshot(workspaceDir, deps.api, plan.settings.snapshot);
  } catch (cause) {
    const { code, message } = toClawError(cause, 'SandboxFailed');
    throw new ClawError(code, message, { cause, details: { phase: 'snapshot' } });
  }
}

function sandboxLimits(task: Task, plan: BatchPlan, harnessMiB: number): SandboxLimits {
  const { diskMiB, ...limits } = attemptLimits(task, plan.settings, harnessMiB);
  return { ...limits, fileMiB: diskMiB };
}
