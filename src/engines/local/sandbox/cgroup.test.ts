import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCgroup } from './cgroup.ts';
import type { CgroupLayout } from './cgroup-layout.ts';

const LIMITS = { memoryMiB: 3, cpuMillis: 1500, pids: 7, fileMiB: 1 };

describe('cgroup of a sandbox', () => {
  let base = '';
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'cgroup-'));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  /** Its folder, in a plain folder that stands for the kernel's. */
  const only = (folder: string) => join(folder, readdirSync(folder)[0] ?? '');
  const content = (folder: string) =>
    Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    );

  it('has one folder with all limits and figures in v2', () => {
    const cgroup = createCgroup({ version: 2, base }, 'agent', LIMITS, undefined);
    cgroup.enter(42);
    const folder = only(base);
    expect(content(folder)).toEqual({
      'memory.max': '3145728',
      'pids.max': '7',
      'cpu.max': '150000 100000',
      'cgroup.procs': '42',
    });
    expect(cgroup.mounts).toEqual([{ source: folder, target: '/sys/fs/cgroup', mode: 'ro' }]);
    const figures = {
      'memory.peak': '2097152\n',
      'memory.events': 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\n',
      'cpu.stat': 'usage_usec 1500000\nuser_usec 1\n',
      'pids.events': 'max 0\n',
    };
    for (const [name, text] of Object.entries(figures)) writeFileSync(join(folder, name), text);
    expect(cgroup.usage()).toEqual({
      oomKilled: true,
      pidsRefused: false,
      peakMemoryMiB: 2,
      cpuSeconds: 1.5,
    });
  });

  it('has one folder a controller in v1', () => {
    const layout: CgroupLayout = {
      version: 1,
      base: { memory: join(base, 'memory'), pids: join(base, 'pids'), cpu: join(base, 'cpu') },
    };
    for (const name of ['memory', 'pids', 'cpu']) mkdirSync(join(base, name));
    const cgroup = createCgroup(layout, 'agent', LIMITS, undefined);
    cgroup.enter(42);
    const memory = only(join(base, 'memory'));
    expect(content(memory)).toEqual({
      'memory.limit_in_bytes': '3145728',
      'cgroup.procs': '42',
    });
    expect(content(only(join(base, 'pids')))).toEqual({ 'pids.max': '7', 'cgroup.procs': '42' });
    expect(content(only(join(base, 'cpu')))).toMatchObject({ 'cpu.cfs_quota_us': '150000' });
    writeFileSync(
      join(memory, 'memory.oom_control'),
      'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n',
    );
    expect(cgroup.usage()).toEqual({
      oomKilled: false,
      pidsRefused: false,
      peakMemoryMiB: undefined,
      cpuSeconds: undefined,
    });
  });

  it('is gone after its removal, also where its folder is gone already', async () => {
    mkdirSync(join(base, 'v2'));
    const cgroup = createCgroup({ version: 2, base: join(base, 'v2') }, 'agent', LIMITS, undefined);
    // Only the kernel's folders can be removed with their files in them.
    const folder = only(join(base, 'v2'));
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    await cgroup.remove();
    await cgroup.remove();
    expect(readdirSync(join(base, 'v2'))).toEqual([]);
  });
});
