import { describe, expect, it } from 'vitest';
import type { SandboxSpec } from '../../../phases/process-sandbox.ts';
import { type BwrapInput, bwrapArgs } from './bwrap-args.ts';

const SPEC: SandboxSpec = {
  name: 'agent',
  argv: ['/usr/bin/python3', '-I'],
  env: { LANG: 'C.UTF-8' },
  cwd: '/ws',
  stdin: '',
  mounts: [],
  tmpMiB: 2,
  limits: { memoryMiB: 1, cpuMillis: 1000, pids: 1, fileMiB: 1 },
  deadlineSeconds: 1,
  keepOutputBytes: 1,
};

const argsFor = (change: Partial<BwrapInput> = {}) =>
  bwrapArgs({
    spec: SPEC,
    root: [],
    extraMounts: [],
    rlimits: [],
    statusFd: 3,
    blockFd: 4,
    ...change,
  });

/** True where the words stand in the arguments one after the other. */
function has(args: readonly string[], ...words: string[]): boolean {
  return args.some((_, at) => words.every((word, offset) => args[at + offset] === word));
}

describe('bubblewrap arguments', () => {
  it.each([
    ['--unshare-user'],
    ['--unshare-pid'],
    ['--unshare-net'],
    ['--unshare-ipc'],
    ['--unshare-uts'],
    ['--unshare-cgroup'],
    ['--disable-userns'],
    ['--as-pid-1'],
    ['--die-with-parent'],
    ['--new-session'],
    ['--clearenv'],
    ['--cap-drop', 'ALL'],
    ['--hostname', 'sandbox'],
    ['--uid', '1000'],
    ['--gid', '1000'],
    ['--json-status-fd', '3'],
    ['--block-fd', '4'],
    ['--perms', '1777', '--size', '2097152', '--tmpfs', '/tmp'],
    ['--perms', '1777', '--size', '67108864', '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
    ['--setenv', 'LANG', 'C.UTF-8'],
    ['--remount-ro', '/', '--chdir', '/ws', '--', '/usr/bin/python3', '-I'],
  ])('always has %s %s', (...words) => {
    expect(has(argsFor(), ...words)).toBe(true);
  });

  it('shares no namespace and binds nothing that was not asked for', () => {
    expect(argsFor().filter((word) => /^--(share|bind|ro-bind|dev-bind)/.test(word))).toEqual([]);
  });

  it('lays mounts over the root in order and makes the root read-only after all of them', () => {
    const args = argsFor({
      root: [
        { kind: 'bind', source: '/rr/usr', target: '/usr' },
        { kind: 'symlink', to: 'usr/bin', target: '/bin' },
      ],
      extraMounts: [{ source: '/cg', target: '/sys/fs/cgroup', mode: 'ro' }],
      spec: {
        ...SPEC,
        mounts: [
          { source: '/a', target: '/m', mode: 'ro' },
          { source: '/b', target: '/m', mode: 'rw' },
        ],
      },
    });
    const order = [
      args.indexOf('/rr/usr'),
      args.indexOf('usr/bin'),
      args.indexOf('/dev/shm'),
      args.indexOf('/cg'),
      args.indexOf('/a'),
      args.indexOf('/b'),
      args.lastIndexOf('--remount-ro'),
    ];
    expect(order.toSorted((a, b) => a - b)).toEqual(order);
    expect(order[0]).toBeGreaterThan(0);
    expect(has(args, '--ro-bind', '/rr/usr', '/usr')).toBe(true);
    expect(has(args, '--symlink', 'usr/bin', '/bin')).toBe(true);
    expect(has(args, '--ro-bind', '/cg', '/sys/fs/cgroup')).toBe(true);
    expect(has(args, '--ro-bind', '/a', '/m', '--bind', '/b', '/m')).toBe(true);
  });

  it('sets process limits on the program, inside', () => {
    const args = argsFor({ rlimits: ['--core=0'] });
    expect(has(args, '--', '/usr/bin/prlimit', '--core=0', '--', '/usr/bin/python3')).toBe(true);
  });

  it('never lets a word of the program be read as an option', () => {
    const args = argsFor({ spec: { ...SPEC, argv: ['--bind', '/', '/'] } });
    expect(args.slice(args.lastIndexOf('--') + 1)).toEqual(['--bind', '/', '/']);
  });
});
