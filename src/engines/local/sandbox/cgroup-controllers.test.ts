import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  aboveLeaf,
  type CgroupFiles,
  enableControllers,
  enableWithLeaf,
} from './cgroup-controllers.ts';

const SCOPE = '/cg/user.slice/run.scope';
const LEAF = `${SCOPE}/clawgym-own`;

interface Faults {
  /** Error codes of writes, by pid or by "subtree" where they hold always. */
  readonly refuse?: Readonly<Record<string, string>>;
  /** A process that starts another one for so many moves. */
  readonly forks?: number;
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A v2 hierarchy with one scope, with the kernel's rule against internal processes. */
class FakeKernel implements CgroupFiles {
  readonly procs = new Map<string, string[]>();
  readonly #faults: Faults;
  #controllers = '';
  #forks: number;

  constructor(pids: readonly string[], faults: Faults = {}, controllers = '') {
    this.procs.set(SCOPE, [...pids]);
    this.#faults = faults;
    this.#forks = faults.forks ?? 0;
    this.#controllers = controllers;
  }

  get controllers(): string {
    return this.#controllers;
  }

  read(file: string): string {
    if (basename(file) === 'cgroup.subtree_control') return `${this.#controllers}\n`;
    return this.#pids(dirname(file)).join('\n');
  }

  write(file: string, text: string): void {
    const folder = dirname(file);
    const refused = this.#faults.refuse?.[basename(file) === 'cgroup.procs' ? text : 'subtree'];
    if (refused !== undefined) throw fault(refused);
    if (basename(file) === 'cgroup.procs') {
      this.#move(text, folder);
      return;
    }
    if (this.#pids(folder).length > 0) throw fault('EBUSY');
    this.#controllers = text.replaceAll('+', '');
  }

  makeFolder(folder: string): void {
    if (this.procs.has(folder)) throw fault('EEXIST');
    this.procs.set(folder, []);
  }

  removeFolder(folder: string): void {
    if (this.#pids(folder).length > 0) throw fault('EBUSY');
    this.procs.delete(folder);
  }

  #move(pid: string, to: string): void {
    for (const [folder, pids] of this.procs) {
      this.procs.set(
        folder,
        pids.filter((each) => each !== pid),
      );
    }
    this.#pids(to).push(pid);
    if (this.#forks > 0) this.#pids(SCOPE).push(`9${this.#forks}`);
    this.#forks -= 1;
  }

  #pids(folder: string): string[] {
    const pids = this.procs.get(folder);
    if (pids === undefined) throw fault('ENOENT');
    return pids;
  }
}

const files = (kernel: FakeKernel): CgroupFiles => ({
  read: (file) => kernel.read(file),
  write: (file, text) => kernel.write(file, text),
  makeFolder: (folder) => kernel.makeFolder(folder),
  removeFolder: (folder) => kernel.removeFolder(folder),
});

describe('controllers of a v2 cgroup', () => {
  it('are refused where processes are, and enabled once those are in a leaf', () => {
    const kernel = new FakeKernel(['11', '12']);
    expect(enableControllers(SCOPE, files(kernel))).toBe(false);
    expect(enableWithLeaf(SCOPE, files(kernel))).toBe(true);
    expect(kernel.controllers).toBe('memory pids cpu');
    expect(Object.fromEntries(kernel.procs)).toEqual({ [SCOPE]: [], [LEAF]: ['11', '12'] });
    // A second run in the same scope.
    expect(enableControllers(SCOPE, files(kernel))).toBe(true);
  });

  it('moves nobody where they are enabled already, or the cgroup is empty', () => {
    for (const kernel of [new FakeKernel(['11'], {}, 'cpu memory pids'), new FakeKernel([])]) {
      const before = new Map(kernel.procs);
      expect(enableWithLeaf(SCOPE, files(kernel))).toBe(true);
      expect(kernel.procs).toEqual(before);
    }
  });

  it.each<[string, Faults]>([
    ['starts others while it is moved', { forks: 3 }],
    ['ends before it is moved', { refuse: { '77': 'ESRCH' } }],
  ])('copes with a process that %s', (_, faults) => {
    const kernel = new FakeKernel(['11'], faults);
    if (faults.refuse) {
      const write = kernel.write.bind(kernel);
      kernel.procs.set(SCOPE, ['11', '77']);
      kernel.write = (file, text) => {
        if (text === '77') kernel.procs.set(SCOPE, []);
        write(file, text);
      };
    }
    expect(enableWithLeaf(SCOPE, files(kernel))).toBe(true);
    expect(kernel.procs.get(SCOPE)).toEqual([]);
  });

  it.each<[string, readonly string[], Faults]>([
    ['the controllers are not delegated', ['11'], { refuse: { subtree: 'EACCES' } }],
    ['a controller is not there', ['11'], { refuse: { subtree: 'ENOENT' } }],
    ['no process may be moved', ['11'], { refuse: { '11': 'EACCES' } }],
    ['one of them may not be moved', ['11', '12'], { refuse: { '12': 'EACCES' } }],
    ['one is of another pid namespace', ['0', '11'], {}],
    ['it stays busy for another reason', ['11', '12'], { refuse: { subtree: 'EBUSY' } }],
    ['processes come without end', ['11'], { forks: 25 }],
  ])('leaves everything as it was where %s', (_, pids, faults) => {
    const kernel = new FakeKernel(pids, faults);
    expect(enableWithLeaf(SCOPE, files(kernel))).toBe(false);
    expect(kernel.controllers).toBe('');
    expect([...kernel.procs.keys()]).toEqual([SCOPE]);
    expect(kernel.procs.get(SCOPE)).toEqual(expect.arrayContaining([...pids]));
  });

  it.each([
    [`/user.slice/run.scope/clawgym-own`, '/user.slice/run.scope'],
    ['/user.slice/run.scope', '/user.slice/run.scope'],
    ['/', '/'],
  ])('a process in %s stands for %s', (path, cgroup) => {
    expect(aboveLeaf(path)).toBe(cgroup);
  });
});
