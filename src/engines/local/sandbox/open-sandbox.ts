import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { SandboxOwner } from '../../../phases/process-sandbox.ts';
import { BwrapSandbox } from './bwrap-sandbox.ts';
import { sweepCgroups } from './cgroup.ts';
import { type CgroupLayout, findCgroupLayout, hostCgroupFacts } from './cgroup-layout.ts';
import { hostRootEntries, runnerRootEntries } from './root-entries.ts';
import type { RunnerRoot } from './runner-root.ts';
import { sandboxOwner } from './sandbox-user.ts';

export interface OpenSandboxOptions {
  readonly root: RunnerRoot;
  /** Uid of this process. */
  readonly uid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Host user for sandboxes when this process is root; default 60999. */
  readonly owner?: SandboxOwner;
  readonly bwrap?: string;
  /** For tests: limits by this layout, or none for this reason, instead of the host's. */
  readonly cgroups?: CgroupLayout | { readonly reason: string };
}

/** The sandbox of this host: limits where it can keep them, leftovers of dead engines swept. */
export async function openSandbox(options: OpenSandboxOptions): Promise<BwrapSandbox> {
  const cgroups = options.cgroups ?? findCgroupLayout(hostCgroupFacts());
  if ('reason' in cgroups) {
    options.logger.warn({ reason: cgroups.reason }, 'sandboxes run without resource limits');
  } else {
    const swept = await sweepCgroups(cgroups);
    if (swept > 0) options.logger.info({ swept }, 'removed cgroups of an engine that died');
  }
  return new BwrapSandbox({
    root: options.root.identity,
    rootEntries:
      options.root.dir === undefined ? hostRootEntries() : runnerRootEntries(options.root.dir),
    cgroups,
    owner: sandboxOwner(options.uid, options.owner),
    clock: options.clock,
    bwrap: options.bwrap ?? 'bwrap',
  });
}
