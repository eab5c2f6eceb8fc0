import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findCgroupLayout,
  hostCgroupFacts,
} from '../../src/engines/local/sandbox/cgroup-layout.ts';
import { ownProcessMark } from '../../src/store/process-mark.ts';

/** Files of the host that an agent would like to change; their state must stay the same. */
const GUARDED = ['/etc/passwd', '/etc/hosts', '/usr/bin/python3', '/usr/bin/env', '/bin/sh'];

/** Looks for what a sandboxed program left on the host outside of its own scratch. */
export class HostWatch {
  readonly #root: string;
  readonly #uid: number;
  readonly #canary: string;
  #mounts = 0;
  #guarded = '';
  #entries: ReadonlySet<string> = new Set();

  /** @param uid host user of the sandboxes; only consulted where tests run as root */
  constructor(root: string, uid: number) {
    this.#root = root;
    this.#uid = uid;
    this.#canary = join(root, 'canary');
    writeFileSync(this.#canary, 'untouched', { mode: 0o666 });
  }

  start(): void {
    this.#mounts = mountCount();
    this.#guarded = this.#stateOfGuarded();
    this.#entries = new Set(this.leftovers());
  }

  async harm(mark: string): Promise<readonly string[]> {
    const harm: string[] = [];
    // The kernel takes a dead process out of the lists a moment after its parent knows.
    await expectSoon(() => processes(mark, this.#uid).length === 0 && ownCgroups().length === 0);
    // Scratch is removed by a process of its own, right after the rollout let go of it.
    await expectSoon(() => this.leftovers().every((name) => this.#entries.has(name)));
    for (const pid of processes(mark, this.#uid)) harm.push(`process ${pid}`);
    for (const name of ownCgroups()) harm.push(`cgroup ${name}`);
    if (mountCount() !== this.#mounts) harm.push(`${mountCount() - this.#mounts} mounts`);
    if (this.#stateOfGuarded() !== this.#guarded) harm.push('a guarded file changed');
    for (const name of this.leftovers()) if (!this.#entries.has(name)) harm.push(`file ${name}`);
    return harm;
  }

  /** What lies in the temporary folder beside the output, and in the engine's runtime folder. */
  leftovers(): readonly string[] {
    return readdirSync(this.#root).flatMap((name) => {
      if (['out', 'cache', 'canary'].includes(name)) return [];
      return name.startsWith('clawgym-') ? runtimeEntries(join(this.#root, name)) : [name];
    });
  }

  #stateOfGuarded(): string {
    const states = GUARDED.map((path) => {
      const { mtimeMs, size, ino } = statSync(path);
      return `${path} ${mtimeMs} ${size} ${ino}`;
    });
    return [...states, readFileSync(this.#canary, 'utf8')].join('\n');
  }
}

function runtimeEntries(folder: string): string[] {
  // By one call: scratch is removed while this looks.
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
}

function mountCount(): number {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;
}

/** Processes of the sandboxes' user, or with the mark on their command line. */
function processes(mark: string, uid: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    const owned = new RegExp(`^Uid:\\s+${uid}\\s`, 'm').test(textOf(`/proc/${pid}/status`));
    return owned || textOf(`/proc/${pid}/cmdline`).split('\0').includes(mark);
  });
}

function ownCgroups(): string[] {
  const layout = findCgroupLayout(hostCgroupFacts());
  if ('reason' in layout) return [];
  const bases = layout.version === 2 ? [layout.base] : Object.values(layout.base);
  return bases.flatMap((base) =>
    readdirSync(base).filter((name) => name.includes(ownProcessMark())),
  );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function expectSoon(done: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100 && !done(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
