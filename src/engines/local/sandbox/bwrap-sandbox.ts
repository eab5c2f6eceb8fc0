import { constants } from 'node:os';
import type { Clock } from '../../../base/clock.ts';
import { ClawError } from '../../../base/error.ts';
import type {
  ProcessSandbox,
  SandboxExit,
  SandboxOwner,
  SandboxSpec,
} from '../../../phases/process-sandbox.ts';
import type { Finding } from '../../../rollouts/outcome.ts';
import { bwrapArgs, type RootEntry } from './bwrap-args.ts';
import { BLOCK_FD, type BwrapProcess, mustBePutIn, runBwrap, STATUS_FD } from './bwrap-process.ts';
import { type Cgroup, type CgroupUsage, createCgroup } from './cgroup.ts';
import type { CgroupLayout } from './cgroup-layout.ts';
import { findInheritedFds } from './inherited-fds.ts';
import { rlimitFlags } from './rlimits.ts';
import { assertReachable } from './sandbox-user.ts';

export interface BwrapSandboxOptions {
  /** Identity of the root: the runner root's digest, or "host". */
  readonly root: string;
  readonly rootEntries: readonly RootEntry[];
  /** Where limits are kept, or why they cannot be: then per-process limits hold instead. */
  readonly cgroups: CgroupLayout | { readonly reason: string };
  readonly owner: SandboxOwner | undefined;
  readonly clock: Clock;
  /** Program to start; found on the usual search path where it has no slash. */
  readonly bwrap: string;
}

/** Bubblewrap as the process sandbox (design: rollouts.md 1). */
export class BwrapSandbox implements ProcessSandbox {
  readonly root: string;
  readonly findings: readonly Finding[];
  readonly owner?: SandboxOwner;
  readonly #options: BwrapSandboxOptions;
  readonly #inherited = findInheritedFds();

  constructor(options: BwrapSandboxOptions) {
    this.#options = options;
    this.root = options.root;
    if (options.owner !== undefined) this.owner = options.owner;
    this.findings = 'reason' in options.cgroups ? [noResourceLimits(options.cgroups.reason)] : [];
  }

  async run(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxExit> {
    const { cgroups, clock, owner, rootEntries, bwrap } = this.#options;
    if (signal.aborted) return cancelledBeforeStart();
    checkSpec(spec);
    for (const mount of spec.mounts) assertReachable(mount.source, owner);
    const cgroup =
      'reason' in cgroups ? undefined : createCgroup(cgroups, spec.name, spec.limits, owner);
    const started = clock.monotonic();
    try {
      const args = bwrapArgs({
        spec,
        root: rootEntries,
        extraMounts: cgroup?.mounts ?? [],
        rlimits: this.#innerLimits(spec, cgroup),
        statusFd: STATUS_FD,
        blockFd: mustBePutIn(cgroup) ? BLOCK_FD : undefined,
      });
      const ended = await runBwrap(
        { bwrap, args, spec, owner, cgroup, inherited: this.#inherited },
        signal,
      );
      return sandboxExit(spec, ended, cgroup, (clock.monotonic() - started) / 1000);
    } finally {
      await cgroup?.remove();
    }
  }

  /** What is not set on the way into the cgroup is set inside, on the program. */
  #innerLimits(spec: SandboxSpec, cgroup: Cgroup | undefined): string[] {
    if (cgroup !== undefined && !mustBePutIn(cgroup)) return [];
    return rlimitFlags(spec, cgroup !== undefined);
  }
}

const NAME = /^[a-z0-9-]{1,100}$/;

function checkSpec(spec: SandboxSpec): void {
  if (!NAME.test(spec.name)) {
    throw new ClawError(
      'Internal',
      `sandbox name ${JSON.stringify(spec.name)} does not fit ${NAME.source}`,
    );
  }
}

function noResourceLimits(reason: string): Finding {
  return {
    code: 'NoResourceLimits',
    message: `${reason}: memory and CPU time are bounded for each process, not for the sandbox; nothing shares the CPU out`,
  };
}

const NO_USAGE: CgroupUsage = {
  oomKilled: false,
  pidsRefused: false,
  peakMemoryMiB: undefined,
  cpuSeconds: undefined,
};

function sandboxExit(
  spec: SandboxSpec,
  ended: BwrapProcess,
  cgroup: Cgroup | undefined,
  seconds: number,
): SandboxExit {
  const { timedOut, cancelled, status } = ended;
  const usage = cgroup?.usage() ?? NO_USAGE;
  const stderr = ended.stderr.finish();
  if (status.exitCode === undefined && !timedOut && !cancelled && !usage.oomKilled) {
    const said = Buffer.from(stderr.bytes).toString('utf8').trim().slice(-2000);
    throw new ClawError(
      'SandboxFailed',
      `sandbox ${spec.name} did not start: ${said} (\`clawgym doctor\` says what this host lacks)`,
      { retryable: true },
    );
  }
  const killed = timedOut || cancelled || status.exitCode === undefined;
  const signal = killed ? 'SIGKILL' : signalOf(status.exitCode);
  return {
    exitCode: signal === null ? (status.exitCode ?? null) : null,
    signal,
    timedOut,
    cancelled,
    ...usage,
    seconds,
    stdout: ended.stdout.finish(),
    stderr,
  };
}

/** Bubblewrap reports a program that a signal ended as 128 + its number, as shells do. */
function signalOf(code: number | undefined): string | null {
  if (code === undefined || code <= 128) return null;
  const known = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  return known?.[0] ?? null;
}

function cancelledBeforeStart(): SandboxExit {
  const nothing = { bytes: new Uint8Array(), totalBytes: 0, truncated: false };
  return {
    exitCode: null,
    signal: null,
    timedOut: false,
    cancelled: true,
    ...NO_USAGE,
    seconds: 0,
    stdout: nothing,
    stderr: nothing,
  };
}
