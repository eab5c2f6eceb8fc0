import { plainText } from '../base/plain-text.ts';
import type { Finding } from '../rollouts/outcome.ts';
import type { CodeVerifier } from '../tasks/task.ts';
import type { Verdict } from '../verifiers/verdict.ts';

/** What a verifier may read beside the workspace (reference: OPENCLAW_REWARD_PAYLOAD). */
export interface GradePayload {
  readonly task_id: string;
  readonly user_query: string;
  readonly metadata: unknown;
  /** The agent's last text; empty where there was none. */
  readonly final_message: string;
  /** OpenClaw session records, as a list or as JSON lines; only PinchBench graders read it. */
  readonly transcript: readonly unknown[] | string;
}

export interface GradeLimits {
  /** Of the whole sandbox; what the verifier starts gets RLIMIT_AS below it. */
  readonly memoryMiB: number;
  readonly pids: number;
  readonly cpuMillis: number;
  /** Largest file, and how much all that a run writes may take on the disk. */
  readonly fileMiB: number;
  readonly tmpMiB: number;
  /** Bytes that a verifier may print; more is `invalid`. */
  readonly outputBytes: number;
}

export const DEFAULT_GRADE_LIMITS: GradeLimits = {
  memoryMiB: 1024,
  pids: 256,
  cpuMillis: 2000,
  fileMiB: 256,
  tmpMiB: 256,
  outputBytes: 8 * 1024 * 1024,
};

/** CPU seconds of one core beyond a verifier's time, before the kernel ends its process in a pod. */
const CPU_GRACE_SECONDS = 5;
/** What of the sandbox's memory the interpreter itself keeps. */
const OWN_MEMORY_MIB = 128;

/** What a grader is told, whichever engine starts it. */
export interface GradeSpecInput {
  readonly verifier: CodeVerifier;
  readonly workspacePath: string;
  readonly payload: GradePayload;
  readonly timeoutSeconds: number;
  readonly limits: GradeLimits;
  /** Unguessable, new for every run. */
  readonly nonce: string;
  /** The entry's compiled form lies in the verdict folder (see compiled-verifiers.ts). */
  readonly compiled?: boolean;
}

/** Path from which the grader runs a verifier. */
export function verifierPlace({ dialect, entry }: Pick<CodeVerifier, 'dialect' | 'entry'>): string {
  return `${dialect === 'harbor' ? '/tests' : '/verifier'}/${entry}`;
}

/** What grade_init.py reads. */
export function gradeSpec(input: GradeSpecInput): Record<string, unknown> {
  const { verifier, limits } = input;
  return {
    nonce: input.nonce,
    dialect: verifier.dialect,
    entry: verifierPlace(verifier),
    ...(input.compiled === true && { compiled: true }),
    workspace: input.workspacePath,
    cwd: verifier.dialect === 'harbor' ? input.workspacePath : null,
    env: verifier.env,
    timeoutSeconds: input.timeoutSeconds,
    // As much as all cores of the limit can have used when the time is over.
    cpuSeconds: Math.ceil(
      (input.timeoutSeconds + CPU_GRACE_SECONDS) * Math.max(1, limits.cpuMillis / 1000),
    ),
    // Harbor scripts start programs that reserve far more address space than they use.
    childMemoryMiB:
      verifier.dialect === 'harbor' ? null : Math.max(64, limits.memoryMiB - OWN_MEMORY_MIB),
    outputCapBytes: limits.outputBytes,
    growthMiB: limits.fileMiB,
    requireExitZero: verifier.agentCode !== 'none',
    payload: input.payload,
  };
}

/** Where the workspace shows the verifier's files: ClawGym's reward.sh names its folder there. */
export function verifierVisibleAt(
  { dialect }: Pick<CodeVerifier, 'dialect'>,
  workspacePath: string,
): string | undefined {
  return dialect === 'reward-sh' ? `${workspacePath}/reward` : undefined;
}

/** What a reader must know of how a verifier works, beside its verdict. */
export function verifierFindings(
  verifier: CodeVerifier,
  visibleAt: string | undefined,
  observed: Verdict['observed'] | undefined,
): readonly Finding[] {
  const found: Finding[] = [];
  if (visibleAt !== undefined) {
    const message = `the verifier's layout puts its files at ${visibleAt}, inside the workspace it scans`;
    found.push({ code: 'VerifierVisibleInWorkspace', message });
  }
  const loaded = observed?.inProcess ?? [];
  if (loaded.length > 0 && verifier.agentCode !== 'in-process') {
    const message = `the verifier ran ${plainText(loaded[0] ?? '')} of the workspace in its own process`;
    found.push({ code: 'VerifierRunsAgentCode', message });
  }
  return found;
}
