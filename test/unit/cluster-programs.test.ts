import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { Ledger } from '../cluster/ledger.ts';
import { removeCluster } from '../cluster/leftovers.ts';
import { isMounted } from '../cluster/mounted.ts';
import { identify, isRunning, signalProcess } from '../cluster/process-identity.ts';
import { type ProgramSpec, Programs } from '../cluster/programs.ts';
import { undoLedger } from '../cluster/undo-ledger.ts';
import { tempDir } from '../support/temp-dir.ts';

const { env } = clusterEnvironment();
const { signal } = new AbortController();

async function cluster() {
  const folder = await tempDir();
  const ledger = new Ledger(folder.path);
  const programs = new Programs({ stateFolder: folder.path, env, ledger });
  return {
    path: folder.path,
    ledger,
    programs,
    [Symbol.asyncDispose]: async () => {
      await programs.stopAll();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const shell = (name: string, script: string, more: Partial<ProgramSpec> = {}): ProgramSpec => ({
  name,
  argv: ['sh', '-c', script],
  ...more,
});

/** Ready once the program's log holds so many lines "here". */
const here =
  (programs: Programs, name: string, lines = 1) =>
  async (): Promise<boolean> =>
    (await readFile(programs.logPath(name), 'utf8')) === 'here\n'.repeat(lines);

const pidOf = (programs: Programs, name: string): number =>
  Number(programs.list().find((program) => program.name === name)?.pid);

describe('a program of a cluster', () => {
  test('that ends before it is ready fails with the end of its log', async () => {
    await using host = await cluster();
    const spec = shell('broken', 'echo no such flag; exit 3', { ready: async () => false });
    await expect(host.programs.start(spec, signal)).rejects.toThrow(
      /broken ended with exit code 3 before it was ready.*broken\.log:\nno such flag/s,
    );
  });

  test('that is never ready fails at its deadline and is stopped', async () => {
    await using host = await cluster();
    const spec = shell('slow', 'exec sleep 60', { ready: async () => false, readySeconds: 0.2 });
    await expect(host.programs.start(spec, signal)).rejects.toThrow('was not ready within 0.2 s');
    expect(host.programs.isRunning('slow')).toBe(false);
  });

  test('whose question for readiness fails is asked again', async () => {
    await using host = await cluster();
    let asked = 0;
    const ready = async (): Promise<boolean> => {
      asked += 1;
      if (asked < 3) throw new Error('connection refused');
      return true;
    };
    await host.programs.start(shell('late', 'exec sleep 60', { ready }), signal);
    expect(asked).toBe(3);
  });

  test('stops on the signal of its cluster', async () => {
    await using host = await cluster();
    const controller = new AbortController();
    const spec = shell('waits', 'exec sleep 60', { ready: async () => false });
    const starting = host.programs.start(spec, controller.signal);
    controller.abort(new Error('enough'));
    await expect(starting).rejects.toThrow('enough');
    expect(host.programs.isRunning('waits')).toBe(false);
  });

  test.each([
    ['ignores SIGTERM', 'trap "" TERM; echo here; while :; do sleep 0.1; done'],
    ['is frozen', 'echo here; kill -STOP $$; exec sleep 60'],
  ])('that %s is stopped all the same', async (_, script) => {
    await using host = await cluster();
    const ready = here(host.programs, 'stubborn');
    await host.programs.start(shell('stubborn', script, { stopSeconds: 0.3, ready }), signal);
    const pid = pidOf(host.programs, 'stubborn');
    await host.programs.stop('stubborn');
    expect(identify(pid)).toBeUndefined();
  });

  test('starts again with the same command line and keeps its log', async () => {
    await using host = await cluster();
    let starts = 1;
    const ready = async (): Promise<boolean> => await here(host.programs, 'twice', starts)();
    await host.programs.start(shell('twice', 'echo here; exec sleep 60', { ready }), signal);
    await expect(host.programs.startAgain('twice', signal)).rejects.toThrow('runs already');
    const first = pidOf(host.programs, 'twice');
    await host.programs.stop('twice');
    starts = 2;
    await host.programs.startAgain('twice', signal);
    expect(pidOf(host.programs, 'twice')).not.toBe(first);
  });

  test('asked for under a name that does not exist: says which there are', async () => {
    await using host = await cluster();
    await host.programs.start(shell('etcd', 'exec sleep 60'), signal);
    await expect(host.programs.stop('kubelet')).rejects.toThrow(
      'no program kubelet in this cluster; there are: etcd',
    );
  });
});

describe('what a killed cluster left', () => {
  test('is taken away, the last made first', async () => {
    await using host = await cluster();
    const order = join(host.path, 'order');
    const note = (what: string) => ['sh', '-c', `echo ${what} >> ${order}`];
    host.ledger.record({ kind: 'undo', argv: note('first'), left: '/never' });
    await host.programs.start(shell('left', 'exec sleep 60'), signal);
    const folder = join(host.path, 'elsewhere');
    host.ledger.record({ kind: 'folder', path: folder });
    await mkdir(folder);
    host.ledger.record({ kind: 'undo', argv: note('second'), left: '/never' });
    expect(await undoLedger(host.ledger.entries(), env)).toEqual([]);
    expect(await readFile(order, 'utf8')).toBe('second\nfirst\n');
    expect(existsSync(folder)).toBe(false);
    expect(identify(pidOf(host.programs, 'left'))).toBeUndefined();
  });

  test('is fine to be gone already', async () => {
    await using host = await cluster();
    const left = '/sys/class/net/never-there';
    host.ledger.record({ kind: 'undo', argv: ['ip', 'link', 'delete', 'never-there'], left });
    host.ledger.record({ kind: 'cgroup', path: join(host.path, 'no-cgroup') });
    host.ledger.record({ kind: 'mount', path: join(host.path, 'no-mount') });
    expect(await undoLedger(host.ledger.entries(), env)).toEqual([]);
  });

  test('and is there still after its undoing is told, and its record stays', async () => {
    await using host = await cluster();
    const left = join(host.path, 'link');
    await writeFile(left, '');
    host.ledger.record({ kind: 'undo', argv: ['sh', '-c', 'echo busy >&2; exit 1'], left });
    await expect(removeCluster(host.path, env)).rejects.toThrow(/link is still there: .*busy/s);
    expect(host.ledger.entries()).toHaveLength(1);
  });

  test.each([
    ['/run/pods', true],
    ['/run/pods/a b', true],
    ['/run/pod', false],
    ['/run/pods/a', false],
  ])('%s counts as mounted: %s', (path, mounted) => {
    const line = String.raw`36 35 98:0 / /run/pods/a\040b rw,noatime master:1 - ext3 /dev/root rw`;
    expect(isMounted(`22 1 0:21 / / rw - overlay none rw\n${line}\n`, path)).toBe(mounted);
  });

  test('does not include a process that only has the number of one of ours', async () => {
    await using host = await cluster();
    await host.programs.start(shell('innocent', 'exec sleep 60'), signal);
    const pid = pidOf(host.programs, 'innocent');
    const earlier = { pid, startTicks: Number(identify(pid)?.startTicks) - 1 };
    expect(isRunning(earlier)).toBe(false);
    expect(signalProcess(earlier, 'SIGKILL')).toBe(false);
    const entry = { kind: 'process', name: 'ours', ...earlier } as const;
    expect(await undoLedger([entry], env)).toEqual([]);
    expect(host.programs.isRunning('innocent')).toBe(true);
  });

  test('is known up to a line that was being written at the end', async () => {
    await using host = await cluster();
    host.ledger.record({ kind: 'folder', path: '/a' });
    await appendFile(join(host.path, 'ledger.jsonl'), '{"kind":"folder","pa');
    expect(host.ledger.entries()).toEqual([{ kind: 'folder', path: '/a' }]);
  });
});
