import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownProcessMark } from '../../../store/process-mark.ts';
import { readBwrapStatus } from './bwrap-status.ts';
import { sweepCgroups } from './cgroup.ts';
import { rlimitFlags } from './rlimits.ts';
import { installedPackages, mmdebstrapArgs, runnerRootRecipe } from './runner-root-recipe.ts';
import { assertReachable, sandboxOwner } from './sandbox-user.ts';

describe('bubblewrap status', () => {
  it.each([
    ['', undefined, undefined],
    ['{ "child-pid": 7, "net-namespace": 4026 }\n', 7, undefined],
    ['{ "child-pid": 7 }\n{ "exit-code": 137 }\n', 7, 137],
    ['{ "child-pid": 7 }\n{ "exit-co', 7, undefined],
    ['[1]\nnull\n{ "child-pid": "7" }\n', undefined, undefined],
  ])('reads %j', (text, childPid, exitCode) => {
    expect(readBwrapStatus(text)).toEqual({ childPid, exitCode });
  });
});

describe('process limits', () => {
  const limits = { memoryMiB: 2, cpuMillis: 1000, pids: 9, fileMiB: 1 };

  it('bounds files and cores always, memory, processes and CPU time where cgroups do not', () => {
    expect(rlimitFlags({ limits, deadlineSeconds: 5 }, true)).toEqual([
      '--fsize=1048576',
      '--core=0',
      '--nofile=4096:4096',
    ]);
    expect(rlimitFlags({ limits, deadlineSeconds: 5 }, false).slice(3)).toEqual([
      '--data=2097152',
      '--nproc=9',
      '--cpu=5',
    ]);
  });

  it.each([
    [2000, 300, 600],
    [500, 5, 3],
    [1, 1, 1],
  ])(
    'allows a process %d thousandths of a core over %d s: %d s of CPU time',
    (cpuMillis, deadlineSeconds, seconds) => {
      const flags = rlimitFlags({ limits: { ...limits, cpuMillis }, deadlineSeconds }, false);
      expect(flags.at(-1)).toBe(`--cpu=${seconds}`);
    },
  );
});

describe('sweep of cgroups', () => {
  it('removes those of dead engines and keeps those of living ones', async () => {
    const base = mkdtempSync(join(tmpdir(), 'cgroups-'));
    const own = ownProcessMark();
    const [host] = own.split('.');
    const alive = `clawgym~${own}~1~agent`;
    const foreign = 'clawgym~0badcafe.4194304.1~1~agent';
    for (const name of [`clawgym~${host}.4194304.1~1~agent`, alive, foreign, 'user.slice']) {
      mkdirSync(join(base, name));
    }
    expect(await sweepCgroups({ version: 2, base })).toBe(1);
    expect(readdirSync(base).toSorted()).toEqual([foreign, alive, 'user.slice'].toSorted());
    rmSync(base, { recursive: true });
  });
});

describe('sandbox user', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'reach-'));
    mkdirSync(join(dir, 'in'));
    writeFileSync(join(dir, 'in/file'), '');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is never root', () => {
    expect(sandboxOwner(0)).toEqual({ uid: 60_999, gid: 60_999 });
    expect(sandboxOwner(0, { uid: 5, gid: 6 })).toEqual({ uid: 5, gid: 6 });
    expect(sandboxOwner(1000)).toBeUndefined();
  });

  it('names the folder that keeps it from a path', () => {
    const stranger = { uid: 4_000_000, gid: 4_000_000 };
    chmodSync(dir, 0o711);
    assertReachable(join(dir, 'in/file'), stranger);
    chmodSync(dir, 0o700);
    assertReachable(join(dir, 'in/file'), undefined);
    expect(() => assertReachable(join(dir, 'in/file'), stranger)).toThrow(
      `folder ${dir} has mode 700`,
    );
  });
});

describe('runner root recipe', () => {
  it('becomes one command of mmdebstrap, with a mirror only where one was given', () => {
    const args = mmdebstrapArgs(runnerRootRecipe('x64'), '/w/root.tar', undefined, 'root');
    expect(args.slice(0, 2)).toEqual(['--mode=root', '--variant=minbase']);
    expect(args.slice(-2)).toEqual(['trixie', '/w/root.tar']);
    const own = mmdebstrapArgs(runnerRootRecipe('x64'), '/w/root.tar', 'http://m/', 'unshare');
    expect(own.at(-1)).toBe('http://m/');
    expect(own[0]).toBe('--mode=unshare');
  });

  it('reads installed packages and leaves out removed ones', () => {
    const status = [
      'Package: bash\nStatus: install ok installed\nVersion: 5.2-1',
      'Package: gone\nStatus: deinstall ok config-files\nVersion: 1',
    ].join('\n\n');
    expect(installedPackages(status)).toEqual({ bash: '5.2-1' });
  });
});
