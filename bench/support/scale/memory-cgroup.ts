import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CGROUP_ROOT, isCgroupV2 } from '../../../test/cluster/node/cgroups.ts';
import { removeCgroup } from '../../../test/cluster/remove-cgroup.ts';

/**
 * The memory limit of a container around a process of this host. Node takes the size of its heap from it, so a
 * program that is measured without one has another heap than in its pod, and is never ended for its memory.
 */
export class MemoryCgroup implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(name: string, bytes: number): Promise<MemoryCgroup> {
    const unified = isCgroupV2();
    const parent = unified ? CGROUP_ROOT : join(CGROUP_ROOT, 'memory');
    const path = join(parent, `clawgym-bench-${process.pid}-${name}`);
    await mkdir(path);
    const group = new MemoryCgroup(path);
    if (unified) await writeFile(join(parent, 'cgroup.subtree_control'), '+memory');
    await writeFile(join(path, unified ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes));
    return group;
  }

  /** The command line that runs this one inside; its process id is that of the program. */
  around(argv: readonly string[]): readonly string[] {
    const enter = 'echo $$ > "$0" && exec "$@"';
    return ['sh', '-c', enter, join(this.#path, 'cgroup.procs'), ...argv];
  }

  /** Ends what still runs inside. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeCgroup(this.#path);
  }
}
