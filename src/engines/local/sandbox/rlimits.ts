import type { SandboxLimits } from '../../../phases/process-sandbox.ts';

const MIB = 1024 * 1024;
const OPEN_FILES = 4096;

/**
 * Flags of util-linux prlimit for what a sandboxed program and its children may use each. File size
 * and core size hold always. Without cgroups, memory and processes are bounded here too:
 * RLIMIT_DATA rather than RLIMIT_AS, because JavaScript engines reserve tens of GB of address space
 * that they never touch; it holds for each process, not for their sum.
 */
export function rlimitFlags(limits: SandboxLimits, cgroups: boolean): string[] {
  const always = [
    `--fsize=${limits.fileMiB * MIB}`,
    '--core=0',
    `--nofile=${OPEN_FILES}:${OPEN_FILES}`,
  ];
  if (cgroups) return always;
  return [...always, `--data=${limits.memoryMiB * MIB}`, `--nproc=${limits.pids}`];
}

/** The shell's form of what holds always; `ulimit -f` counts blocks of 512 bytes. */
export function ulimitCommand(limits: SandboxLimits): string {
  return `ulimit -f ${limits.fileMiB * 2048} && ulimit -c 0 && ulimit -n ${OPEN_FILES}`;
}
