import type { Finding } from '../rollouts/outcome.ts';

/**
 * The seam between the phases and what isolates a process. Locally bubblewrap; in a pod the
 * container already is the sandbox and the same programs run as its first process.
 */
export interface ProcessSandbox {
  /** Starts the program and resolves when the whole process tree is gone. */
  run(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxExit>;
  /** What graded or ran: digest of the runner root, or "host". */
  readonly root: string;
  /**
   * Host user that sandboxed programs act as: folders mounted `rw` must belong to it (see
   * make-accessible.ts) and every mounted source must be reachable by it. Absent: the user of this
   * process.
   */
  readonly owner?: SandboxOwner;
  /** Findings that hold for everything run in this sandbox, such as `NoResourceLimits`. */
  readonly findings?: readonly Finding[];
}

export interface SandboxOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface SandboxSpec {
  /** For cgroup and log names; [a-z0-9-]. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: string;
  /** Host folder or file -> place inside. Later entries lie over earlier ones. */
  readonly mounts: readonly SandboxMount[];
  /** Size of /tmp and of /dev/shm in MiB. */
  readonly tmpMiB: number;
  readonly limits: SandboxLimits;
  /** Wall-clock seconds after which the whole tree is killed from outside. */
  readonly deadlineSeconds: number;
  /** Bytes of stdout and of stderr kept: so many from the start and so many from the end. */
  readonly keepOutputBytes: number;
}

export interface SandboxMount {
  readonly source: string;
  readonly target: string;
  readonly mode: 'ro' | 'rw';
}

export interface SandboxLimits {
  readonly memoryMiB: number;
  readonly cpuMillis: number;
  readonly pids: number;
  /** Largest single file in MiB (RLIMIT_FSIZE). */
  readonly fileMiB: number;
}

export interface SandboxExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly cancelled: boolean;
  /** True where the memory limit killed a process of the tree. */
  readonly oomKilled: boolean;
  /** True where the limit of processes refused one; absent where that is not counted. */
  readonly pidsRefused?: boolean;
  readonly peakMemoryMiB: number | undefined;
  readonly cpuSeconds: number | undefined;
  readonly seconds: number;
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
}

export interface CapturedOutput {
  /** First and last bytes, with one line between that says how many were left out. */
  readonly bytes: Uint8Array;
  readonly totalBytes: number;
  readonly truncated: boolean;
}
