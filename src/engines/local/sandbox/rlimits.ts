import type { SandboxLimits, SandboxSpec } from '../../../phases/process-sandbox.ts';

const MIB = 1024 * 1024;
const OPEN_FILES = 4096;

/**
 * Flags of util-linux prlimit for what a sandboxed program and its children may use each. File size
 * and core size hold always. Without cgroups, memory, processes and CPU time are bounded here too:
 * RLIMIT_DATA rather than RLIMIT_AS, because JavaScript engines reserve tens of GB of address space
 * that they never touch. It holds for each process, not for their sum; so does RLIMIT_CPU, which is
 * what the share of CPU comes to over the whole `deadlineSeconds`: a process with more is killed, and
 * nothing slows it down before.
 */
export function rlimitFlags(
  { limits, deadlineSeconds }: Pick<SandboxSpec, 'limits' | 'deadlineSeconds'>,
  cgroups: boolean,
): string[] {
  const always = [
    `--fsize=${limits.fileMiB * MIB}`,
    '--core=0',
    `--nofile=${OPEN_FILES}:${OPEN_FILES}`,
  ];
  if (cgroups) return always;
  const cpuSeconds = Math.max(1, Math.ceil((limits.cpuMillis * deadlineSeconds) / 1000));
  return [
    ...always,
    `--data=${limits.memoryMiB * MIB}`,
    `--nproc=${limits.pids}`,
    `--cpu=${cpuSeconds}`,
  ];
}

/** The shell's form of what holds always; `ulimit -f` counts blocks of 512 bytes. */
export function ulimitCommand(limits: SandboxLimits): string {
  return `ulimit -f ${limits.fileMiB * 2048} && ulimit -c 0 && ulimit -n ${OPEN_FILES}`;
}
