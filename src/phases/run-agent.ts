import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import type { ProcessPlan } from '../agents/agent.ts';
import { ClawError } from '../base/error.ts';
import type { AgentEnd, Finding } from '../rollouts/outcome.ts';
import { layOutAgentFiles, linkMount } from './agent-files.ts';
import { limitFindings, truncatedFinding } from './agent-findings.ts';
import { type AgentReport, readAgentReport } from './agent-report.ts';
import { agentSpec, INIT_DIR, KEEP_OUTPUT_BYTES, PYTHON_PATH, reportName } from './agent-spec.ts';
import { makeAccessible } from './make-accessible.ts';
import type {
  CapturedOutput,
  ProcessSandbox,
  SandboxExit,
  SandboxLimits,
  SandboxMount,
} from './process-sandbox.ts';

export interface RunAgentContext {
  readonly sandbox: ProcessSandbox;
  /** Workspace on the host, laid out by `stage`. It is given to the sandbox's user. */
  readonly workspaceDir: string;
  /** Where the agent finds it. */
  readonly workspacePath: string;
  /** Unix socket of the model link, alone in its folder; undefined: no model. */
  readonly linkSocket: string | undefined;
  readonly limits: SandboxLimits;
  /** The wrapper ends the agent at 90 % of these. */
  readonly workspaceMiB: number;
  readonly workspaceEntries: number;
  readonly tmpMiB: number;
  /** For all commands together. */
  readonly deadlineSeconds: number;
  /** A fresh folder of this attempt; everything written here stays for the caller to remove. */
  readonly scratchDir: string;
  readonly signal: AbortSignal;
}

export interface AgentRun {
  readonly end: AgentEnd;
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  readonly findings: readonly Finding[];
  readonly oomKilled: boolean;
}

/** As in agent_init: the wrapper failed after the agent had begun. */
const BROKEN_BY_AGENT = 70;
/** The wrapper's own deadline comes first; this is for a wrapper that hangs. */
const WRAPPER_GRACE_SECONDS = 30;

/**
 * Runs the agent's commands in a sandbox and says how it ended. Rejects only where the sandbox could
 * not be started or broke (`SandboxFailed`, retryable): whatever the agent does is a result.
 */
export async function runAgent(plan: ProcessPlan, context: RunAgentContext): Promise<AgentRun> {
  const { sandbox, scratchDir, linkSocket } = context;
  const nonce = randomBytes(16).toString('hex');
  const files = await layOutAgentFiles(plan, scratchDir, sandbox.owner);
  makeAccessible(context.workspaceDir, sandbox.owner);
  const link = linkSocket === undefined ? [] : [await linkMount(linkSocket, sandbox.owner)];
  const exit = await sandbox.run(
    {
      name: 'agent',
      argv: [PYTHON_PATH, '-I', '-S', '-B', INIT_DIR],
      env: { LANG: 'C.UTF-8' },
      cwd: '/',
      stdin: JSON.stringify(wrapperSpec(plan, context, nonce)),
      mounts: [...planMounts(plan), ...files.mounts, ...link, workspaceMount(context)],
      tmpMiB: context.tmpMiB,
      limits: context.limits,
      deadlineSeconds: context.deadlineSeconds + WRAPPER_GRACE_SECONDS,
      keepOutputBytes: KEEP_OUTPUT_BYTES,
    },
    context.signal,
  );
  const reportFile = join(files.reportDir, reportName(nonce));
  const report = exit.exitCode === 0 ? await readAgentReport(reportFile, nonce) : undefined;
  const { end, detail } = report ?? withoutReport(exit);
  return {
    end,
    stdout: exit.stdout,
    stderr: exit.stderr,
    findings: [...(sandbox.findings ?? []), ...agentFindings(end, detail, exit)],
    oomKilled: exit.oomKilled,
  };
}

function wrapperSpec(plan: ProcessPlan, context: RunAgentContext, nonce: string): object {
  const { linkSocket } = context;
  return agentSpec({
    plan,
    nonce,
    workspacePath: context.workspacePath,
    linkName: linkSocket === undefined ? undefined : basename(linkSocket),
    deadlineSeconds: context.deadlineSeconds,
    memoryMiB: context.limits.memoryMiB,
    workspaceMiB: context.workspaceMiB,
    workspaceEntries: context.workspaceEntries,
    tmpMiB: context.tmpMiB,
  });
}

function planMounts(plan: ProcessPlan): SandboxMount[] {
  return plan.mounts.map(({ source, target }) => ({ source, target, mode: 'ro' }));
}

function workspaceMount({ workspaceDir, workspacePath }: RunAgentContext): SandboxMount {
  return { source: workspaceDir, target: workspacePath, mode: 'rw' };
}

/**
 * The wrapper was killed or broke before it could report. Only what happened before the agent began,
 * or a kill from outside, is a failure of ours: an agent must not buy a retry by breaking its wrapper.
 */
function withoutReport(exit: SandboxExit): AgentReport {
  const killed = { exitCode: null, signal: 'SIGKILL', seconds: exit.seconds };
  if (exit.cancelled) return { end: { ...killed, reason: 'Cancelled' }, detail: '' };
  if (exit.timedOut) return { end: { ...killed, reason: 'Deadline' }, detail: '' };
  if (exit.oomKilled) {
    return {
      end: { ...killed, reason: 'MemoryLimit' },
      detail: 'the kernel killed the sandbox for its memory limit',
    };
  }
  // The wrapper came to an end of its own after the agent had begun: no failure of ours.
  if (exit.exitCode === 0 || exit.exitCode === BROKEN_BY_AGENT) {
    return { end: { ...killed, reason: 'Exited' }, detail: '' };
  }
  const said = Buffer.from(exit.stderr.bytes).toString('utf8').trim().slice(-1000);
  throw new ClawError(
    'SandboxFailed',
    `the agent's wrapper ended without a report (exit ${exit.exitCode ?? exit.signal}): ${said}`,
    // Once it may be the host's memory; again and again it is what runs inside.
    { retryable: true, ...(exit.signal !== null && { details: { phase: 'agent' } }) },
  );
}

function agentFindings(end: AgentEnd, detail: string, exit: SandboxExit): Finding[] {
  const findings: Finding[] = limitFindings(end.reason, detail);
  if (findings.length === 0 && exit.oomKilled) {
    const message = 'a process of the agent was killed for the memory limit';
    findings.push({ code: 'ChildKilledForMemory', message });
  }
  if (exit.pidsRefused === true) {
    findings.push({ code: 'PidsLimit', message: 'the agent was refused further processes' });
  }
  for (const [name, output] of [
    ['stdout', exit.stdout],
    ['stderr', exit.stderr],
  ] as const) {
    if (output.truncated) findings.push(truncatedFinding(name, output.totalBytes));
  }
  return findings;
}
