import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { HostedSandbox } from '../../src/engines/local/sandbox/host-client.ts';
import type { SandboxSpec } from '../../src/phases/process-sandbox.ts';

const never = new AbortController().signal;
let sandbox: HostedSandbox;

function open(): Promise<HostedSandbox> {
  return HostedSandbox.open({
    root: { identity: 'host' },
    uid: process.getuid?.() ?? -1,
    bwrap: 'bwrap',
    env: process.env,
    logger: silentLogger,
  });
}

function spec(script: string, deadlineSeconds = 20): SandboxSpec {
  return {
    name: 'host-test',
    argv: ['/bin/sh', '-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/tmp',
    stdin: 'given',
    mounts: [],
    tmpMiB: 16,
    limits: { memoryMiB: 128, cpuMillis: 1000, pids: 32, fileMiB: 8 },
    deadlineSeconds,
    keepOutputBytes: 1024,
  };
}

/** Pids whose command line holds the marker. */
function running(marker: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker);
    } catch {
      return false;
    }
  });
}

beforeAll(async () => {
  sandbox = await open();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

test('carries input, output, exit code and usage through the host process', async () => {
  const exit = await sandbox.run(spec('cat; echo said >&2; exit 7'), never);
  expect(Buffer.from(exit.stdout.bytes).toString()).toBe('given');
  expect(Buffer.from(exit.stderr.bytes).toString()).toBe('said\n');
  expect(exit).toMatchObject({ exitCode: 7, signal: null, timedOut: false, cancelled: false });
  expect(exit.seconds).toBeGreaterThan(0);
});

test('keeps the file size limit that is set on the way in', async () => {
  const exit = await sandbox.run(spec('ulimit -f; ulimit -c'), never);
  expect(Buffer.from(exit.stdout.bytes).toString()).toBe('16384\n0\n');
});

test('runs many at a time and gives each its own result', async () => {
  const exits = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7, 8].map((number) => sandbox.run(spec(`exit ${number}`), never)),
  );
  expect(exits.map(({ exitCode }) => exitCode)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test('passes an abort on', async () => {
  const stop = new AbortController();
  const run = sandbox.run(spec('echo begun; sleep 60'), stop.signal);
  setTimeout(() => stop.abort(), 300);
  expect(await run).toMatchObject({ cancelled: true });
});

test('a refusal of the host keeps its code', async () => {
  const bad = { ...spec('true'), name: 'Not A Name' };
  await expect(sandbox.run(bad, never)).rejects.toMatchObject({ code: 'Internal' });
});

test('a host that dies fails what runs, takes its sandboxes along and is replaced', async () => {
  const marker = `host-test-${process.pid}`;
  const other = await open();
  const run = other.run(spec(`: ${marker}; sleep 60`), never);
  const failed = expect(run).rejects.toMatchObject({ code: 'SandboxHostLost' });
  await expect.poll(() => running(marker).length, { timeout: 5000 }).toBeGreaterThan(0);
  for (const pid of running('host-main.ts')) {
    const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
    if (parent === String(process.pid) && hasChild(pid, marker))
      process.kill(Number(pid), 'SIGKILL');
  }
  await failed;
  await expect.poll(() => running(marker), { timeout: 5000 }).toEqual([]);
  expect(await other.run(spec('exit 3'), never)).toMatchObject({ exitCode: 3 });
  await other[Symbol.asyncDispose]();
});

/** True where a process with the marker is a child of `pid`. */
function hasChild(pid: string, marker: string): boolean {
  return running(marker).some((child) => {
    const stat = readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1];
    return stat?.split(' ')[1] === pid;
  });
}
