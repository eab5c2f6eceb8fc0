import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BwrapSandbox } from '../../src/engines/local/sandbox/bwrap-sandbox.ts';
import {
  findCgroupLayout,
  hostCgroupFacts,
} from '../../src/engines/local/sandbox/cgroup-layout.ts';
import { makeAccessible } from '../../src/phases/make-accessible.ts';
import type { SandboxExit, SandboxSpec } from '../../src/phases/process-sandbox.ts';
import { openTestSandbox, scratchFolder, spec, TEST_UID, text } from '../support/sandbox-host.ts';

const scratch = scratchFolder();
let sandbox: BwrapSandbox;
const never = new AbortController().signal;

beforeAll(async () => {
  sandbox = await openTestSandbox();
});
afterAll(() => scratch.remove());

const run = (script: string, change: Partial<SandboxSpec> = {}): Promise<SandboxExit> =>
  sandbox.run(spec(script, change), never);

/** Cgroup folders and host processes that a sandbox of these tests left behind. */
function leftovers(mark: string): string[] {
  const layout = findCgroupLayout(hostCgroupFacts());
  const bases =
    'reason' in layout ? [] : layout.version === 2 ? [layout.base] : Object.values(layout.base);
  const folders = bases.flatMap((base) =>
    readdirSync(base).filter((name) => name.startsWith('clawgym~') && name.endsWith(`~${mark}`)),
  );
  const processes = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => readQuietly(`/proc/${pid}/cmdline`).includes(mark));
  return [...folders, ...processes];
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

describe('what a sandboxed program sees', () => {
  it('passes input, output and exit code', async () => {
    const exit = await run('cat; echo bad >&2; exit 7', { stdin: 'hello' });
    expect(text(exit.stdout)).toBe('hello');
    expect(text(exit.stderr)).toBe('bad\n');
    expect(exit).toMatchObject({ exitCode: 7, signal: null, timedOut: false, cancelled: false });
  });

  it('is an ordinary user without capabilities and cannot make namespaces', async () => {
    const exit = await run(
      'id -u; grep -c "Cap.*0000000000000000" /proc/self/status; unshare -Ur true',
    );
    expect(text(exit.stdout)).toBe('1000\n5\n');
    expect(exit.exitCode).not.toBe(0);
  });

  it('is never root on the host', async () => {
    const dir = scratch.fresh();
    makeAccessible(dir, sandbox.owner);
    await run('touch /out/file', { mounts: [{ source: dir, target: '/out', mode: 'rw' }] });
    const { uid } = statSync(join(dir, 'file'));
    expect(uid).toBe(sandbox.owner?.uid ?? TEST_UID);
    expect(uid).not.toBe(0);
  });

  it('has no network beside its own loopback', async () => {
    const exit = await run(
      'ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1; ' +
        'curl -sS -m 3 http://1.1.1.1/ ; echo $?',
    );
    expect(text(exit.stdout).replaceAll(' ', '')).toBe('lo\n7\n');
  });

  it('sees none of the host files', async () => {
    const secret = join(scratch.path, 'secret');
    writeFileSync(secret, 'x', { mode: 0o644 });
    const exit = await run(
      `ls -A /root /home /srv /mnt; cat ${secret} /etc/resolv.conf /etc/apt/sources.list; ls -A /tmp`,
    );
    expect(text(exit.stdout)).toBe('');
    expect(text((await run('cat /etc/hostname; hostname')).stdout)).toBe('sandbox\nsandbox\n');
  });

  it('sees no process but its own and no environment but its own', async () => {
    const exit = await run('ls /proc | grep -c "^[0-9]"; env | sort');
    expect(text(exit.stdout).split('\n')[0]).toMatch(/^[1-4]$/);
    expect(text(exit.stdout)).not.toContain('CLAWGYM');
    expect(text(exit.stdout)).toContain('LANG=C.UTF-8\n');
  });

  it('gets no file descriptor of this process', async () => {
    const exit = await run(
      'for f in /proc/self/fd/*; do readlink $f; done | grep -v /dev/null | wc -l',
    );
    // stdin, stdout (the pipe of the loop) and stderr at most
    expect(Number(text(exit.stdout))).toBeLessThanOrEqual(3);
  });

  it('can write its temporary folders, to their size, and nothing else', async () => {
    const exit = await run(
      'for d in / /usr /etc /dev /agent /run /sys/fs/cgroup/memory; do touch $d/x 2>/dev/null && echo wrote $d; done; ' +
        'touch /tmp/x /dev/shm/x && echo ok; head -c 40M /dev/zero > /tmp/a; head -c 40M /dev/zero > /tmp/b; ' +
        'du -m --total /tmp | tail -1 | cut -f1',
      { limits: { memoryMiB: 256, cpuMillis: 2000, pids: 64, fileMiB: 100 } },
    );
    const [ok, size] = text(exit.stdout).trim().split('\n');
    expect(ok).toBe('ok');
    expect(Number(size)).toBeLessThanOrEqual(64);
    expect(text(exit.stderr)).toContain('No space left');
  });

  it('refuses a program that does not exist, with what bubblewrap said', async () => {
    const missing = sandbox.run(
      spec('', { mounts: [{ source: '/nowhere/at/all', target: '/m', mode: 'ro' }] }),
      never,
    );
    await expect(missing).rejects.toThrow(/nowhere/);
  });

  it('says where to look when bubblewrap cannot make it', async () => {
    const nowhere = sandbox.run(spec('', { cwd: '/nowhere/at/all' }), never);
    await expect(nowhere).rejects.toThrow(/did not start: bwrap: .*nowhere.*`clawgym doctor`/s);
  });
});

describe('limits', () => {
  it('bounds a fork bomb and cleans it up', async () => {
    const exit = await run(
      'b() { b | b & }; b; for i in 1 2 3; do sleep 1; done; exit 5 # bombmark',
      { name: 'bombmark', deadlineSeconds: 15 },
    );
    expect(exit.pidsRefused).toBe(true);
    expect(leftovers('bombmark')).toEqual([]);
  });

  it('kills a memory hog and says so', async () => {
    const exit = await run('exec python3 -c "x = bytearray(1 << 30); print(len(x))"', {
      name: 'hogmark',
    });
    expect(exit).toMatchObject({ oomKilled: true, exitCode: null, signal: 'SIGKILL' });
    expect(exit.peakMemoryMiB).toBeGreaterThan(200);
    expect(leftovers('hogmark')).toEqual([]);
  });

  it('ends a write at the file limit', async () => {
    const dir = scratch.fresh();
    makeAccessible(dir, sandbox.owner);
    const exit = await run('head -c 10G /dev/zero > /out/big; wc -c < /out/big', {
      mounts: [{ source: dir, target: '/out', mode: 'rw' }],
    });
    expect(text(exit.stdout)).toBe(`${32 * 1024 * 1024}\n`);
  });

  it('gives no more than its share of the processor', async () => {
    const burn = 'timeout 2 bash -c "while :; do :; done"; exit 0';
    const limits = { memoryMiB: 256, cpuMillis: 250, pids: 64, fileMiB: 32 };
    const exit = await run(burn, { limits });
    expect(exit.cpuSeconds).toBeGreaterThan(0.1);
    expect(exit.cpuSeconds).toBeLessThan(1);
  });

  it('captures a 2 GB log in bounded memory', async () => {
    const before = process.memoryUsage().rss;
    const exit = await run('yes 0123456789abcdef | head -c 2000000000', { deadlineSeconds: 100 });
    expect(exit).toMatchObject({ exitCode: 0 });
    expect(exit.stdout).toMatchObject({ totalBytes: 2_000_000_000, truncated: true });
    expect(exit.stdout.bytes.length).toBeLessThan(140_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });
});

describe('the end', () => {
  it('takes processes along that were left behind', async () => {
    const exit = await run('(setsid bash -c "sleep 300; : leftmark" &) ; sleep 0.2; exit 0', {
      name: 'leftmark',
    });
    expect(exit.exitCode).toBe(0);
    expect(exit.seconds).toBeLessThan(5);
    expect(leftovers('leftmark')).toEqual([]);
  });

  it('kills a tree that ignores SIGTERM at the deadline', async () => {
    const exit = await run(
      'trap "" TERM INT HUP; (trap "" TERM; setsid sleep 300 &) ; while :; do sleep 1; done # deadmark',
      { name: 'deadmark', deadlineSeconds: 1 },
    );
    expect(exit).toMatchObject({ timedOut: true, cancelled: false, exitCode: null });
    expect(exit.seconds).toBeLessThan(6);
    expect(leftovers('deadmark')).toEqual([]);
  });

  it('obeys an abort, also one that came before the start', async () => {
    const abort = new AbortController();
    const running = sandbox.run(spec('sleep 300 # abortmark', { name: 'abortmark' }), abort.signal);
    setTimeout(() => abort.abort(), 300);
    expect(await running).toMatchObject({ cancelled: true, timedOut: false });
    expect(leftovers('abortmark')).toEqual([]);
    expect(await sandbox.run(spec('exit 0'), abort.signal)).toMatchObject({ cancelled: true });
  });

  it('does not wait for a program that closed its output', async () => {
    const exit = await run('exec >&- 2>&-; sleep 0.5; exit 4');
    expect(exit.exitCode).toBe(4);
  });
});

describe('fallbacks', () => {
  it('bounds memory and processes by process limits where there are no cgroups', async () => {
    const plain = await openTestSandbox({ cgroups: { reason: 'none for this test' } });
    expect(plain.findings).toEqual([expect.objectContaining({ code: 'NoResourceLimits' })]);
    const hog = await plain.run(spec('python3 -c "x = bytearray(1 << 30)"; ulimit -u'), never);
    expect(text(hog.stderr)).toContain('MemoryError');
    expect(text(hog.stdout)).toBe('64\n');
    const bomb = await plain.run(
      spec('b() { b | b & }; b; sleep 1; exit 5', { deadlineSeconds: 10 }),
      never,
    );
    expect(bomb.seconds).toBeLessThan(12);
  });

  it('kills a process that burns more than its share of CPU where there are no cgroups', async () => {
    const plain = await openTestSandbox({ cgroups: { reason: 'none for this test' } });
    const limits = { memoryMiB: 256, cpuMillis: 100, pids: 64, fileMiB: 32 };
    const burn = spec('bash -c "while :; do :; done"; echo "ended by $?"', { limits });
    const exit = await plain.run({ ...burn, deadlineSeconds: 10 }, never);
    expect([text(exit.stdout), exit.timedOut]).toEqual(['ended by 137\n', false]);
  });

  it('runs on the programs of the host, without its configuration', async () => {
    const host = await openTestSandbox({ root: { dir: undefined, identity: 'host' } });
    const exit = await host.run(spec('id -u; ls /etc; cat /etc/passwd', {}), never);
    expect(text(exit.stdout)).toMatch(/^1000\n/);
    expect(text(exit.stdout)).not.toMatch(/passwd|shadow|root:/);
    expect(host.root).toBe('host');
  });
});
