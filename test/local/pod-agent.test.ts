import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readAgentReport } from '../../src/phases/agent-report.ts';
import {
  KEEP_OUTPUT_BYTES,
  NO_PROGRAM,
  podAgentSpec,
  REPORT_DIR,
} from '../../src/phases/agent-spec.ts';
import { IMAGE_PATHS } from '../../src/protocol/pod-contract.ts';
import { podVolume, startContainer } from '../support/pod-container.ts';
import { flatPrograms } from '../support/pod-containers.ts';
import { scratchFolder } from '../support/sandbox-host.ts';

const WORKSPACE = '/task/space';
const NONCE = 'n0nce';
const scratch = scratchFolder();
afterAll(() => scratch.remove());

interface Trial {
  readonly deadlineSeconds?: number;
  readonly extra?: readonly { readonly source: string; readonly target: string }[];
  readonly memoryMiB?: number;
}

function startAgent(scripts: readonly string[], trial: Trial = {}) {
  const folder = scratch.fresh();
  const [workspace, report, tmp] = ['workspace', 'report', 'tmp'].map((name) =>
    podVolume(folder, name),
  ) as [string, string, string];
  const init = flatPrograms(folder, 'wrapper');
  const spec = podAgentSpec({
    plan: { ...NO_PROGRAM, commands: scripts.map((text) => ({ argv: ['bash', '-c', text] })) },
    workspacePath: WORKSPACE,
    deadlineSeconds: trial.deadlineSeconds ?? 30,
    memoryMiB: trial.memoryMiB ?? 256,
    workspaceMiB: 64,
    workspaceEntries: 10_000,
    tmpMiB: 64,
    nonce: NONCE,
  });
  // Of the pod's user, as `stage` leaves it; open, since tests of root write it.
  writeFileSync(join(report, 'spec.json'), JSON.stringify(spec), { mode: 0o644 });
  const container = startContainer({
    argv: ['/usr/bin/python3', '-I', '-S', '-B', IMAGE_PATHS.agentInit, `${REPORT_DIR}/spec.json`],
    mounts: [
      { source: init, target: IMAGE_PATHS.agentInit, mode: 'ro' },
      { source: workspace, target: WORKSPACE, mode: 'rw' },
      { source: report, target: REPORT_DIR, mode: 'rw' },
      { source: tmp, target: '/tmp', mode: 'rw' },
      ...(trial.extra ?? []).map((mount) => ({ ...mount, mode: 'ro' as const })),
    ],
  });
  return {
    ...container,
    workspace,
    report,
    said: async () => (await readAgentReport(join(report, `${NONCE}.json`), NONCE))?.end,
    kept: (name: 'stdout' | 'stderr') => readFileSync(join(report, name), 'utf8'),
  };
}

async function runAgent(scripts: readonly string[], trial: Trial = {}) {
  const it = startAgent(scripts, trial);
  const end = await it.end;
  return { ...it, ...end, said: await it.said() };
}

describe("the wrapper as a pod's first process", () => {
  it('ends with the agent, keeps what it printed and has deleted its specification', async () => {
    const it = await runAgent(['ls -A /run/clawgym/report; echo out; echo err >&2; pwd > f']);
    expect([it.code, it.stdout, it.stderr]).toEqual([0, 'out\n', 'err\n']);
    expect(it.said).toMatchObject({ exitCode: 0, signal: null, reason: 'Exited' });
    expect([it.kept('stdout'), it.kept('stderr')]).toEqual(['out\n', 'err\n']);
    expect(readFileSync(join(it.workspace, 'f'), 'utf8')).toBe(`${WORKSPACE}\n`);
    expect(readdirSync(it.report).toSorted()).toEqual([`${NONCE}.json`, 'stderr', 'stdout']);
  });

  it.each([
    ['its own exit code', ['true', 'exit 9', 'echo never'], 9, { exitCode: 9, reason: 'Exited' }],
    ['137 for a signal', ['kill -USR1 $$'], 137, { signal: 'SIGUSR1', reason: 'Exited' }],
    ['127 for a program that is not there', ['exec no-such'], 127, { exitCode: 127 }],
  ])('ends with %s', async (_, scripts, code, end) => {
    const it = await runAgent(scripts);
    expect(it.code).toBe(code);
    expect(it.said).toMatchObject(end);
  });

  it('ends with 137 at its deadline, and whatever the agent started is gone', async () => {
    const it = await runAgent(['trap "" TERM; (setsid sleep 1000 &); while :; do sleep 1; done'], {
      deadlineSeconds: 1,
    });
    expect(it.code).toBe(137);
    expect(it.said).toMatchObject({ exitCode: null, signal: 'SIGKILL', reason: 'Deadline' });
  });

  it('with nothing to start ends at once', async () => {
    const it = await runAgent([]);
    expect(it.code).toBe(0);
    expect(it.said).toEqual({ exitCode: 0, signal: null, reason: 'Exited', seconds: 0 });
    expect(readdirSync(it.report)).toEqual([`${NONCE}.json`]);
  });

  it('ends with 143 within a second of SIGTERM, whatever the agent does', async () => {
    const it = startAgent([
      'trap "" TERM; for i in $(seq 4); do (setsid bash -c "trap \\"\\" TERM; while :; do kill -TERM 1; done" &); done; touch began; while :; do sleep 1; done',
    ]);
    await expect
      .poll(() => existsSync(join(it.workspace, 'began')), { timeout: 20_000 })
      .toBe(true);
    const told = performance.now();
    // The agent's own signals may swallow one from outside: a kubelet's comes once, ours again.
    const again = setInterval(() => void it.signal('SIGTERM').catch(() => undefined), 20);
    const { code } = await it.end;
    clearInterval(again);
    expect(code).toBe(143);
    expect(performance.now() - told).toBeLessThan(3000);
    expect(await it.said()).toMatchObject({ exitCode: null, reason: 'Cancelled' });
  });

  it('keeps both ends of a long output, and only its start in the log of the container', async () => {
    const it = await runAgent(['head -c 3000000 /dev/zero | tr "\\0" a; echo end']);
    const kept = it.kept('stdout');
    expect(kept.length).toBeLessThan(2 * KEEP_OUTPUT_BYTES + 100);
    expect(kept).toMatch(/a\n\[\.\.\. 1951428 bytes left out \.\.\.\]\na/);
    expect(kept.endsWith('end\n')).toBe(true);
    expect(it.stdout.length).toBe(65_536);
    const report = await readAgentReport(join(it.report, `${NONCE}.json`), NONCE);
    expect(report?.printed).toEqual({ stdout: 3_000_004, stderr: 0 });
  });

  it('reports whatever the agent left in the report volume', async () => {
    const it = await runAgent([
      `cd /run/clawgym/report; mkdir -p stdout/deep; chmod 000 stdout; mkfifo stderr
       ln -s /etc/passwd ${'f'.repeat(8)}; echo said; chmod 000 . || true`,
    ]);
    expect(it.code).toBe(0);
    expect(it.kept('stdout')).toBe('said\n');
    expect(lstatSync(join(it.report, 'stderr')).isFile()).toBe(true);
  });

  it('cannot be read, traced or killed by the agent', async () => {
    const it = await runAgent([
      `for s in TERM INT HUP KILL STOP ABRT; do kill -$s 1; done
       cat /proc/1/environ /proc/1/mem /proc/1/fd/* /proc/1/cmdline 2>/dev/null | grep -c ${NONCE}
       grep -rs ${NONCE} /run/clawgym /tmp /task; sleep 0.3; echo survived`,
    ]);
    expect([it.code, it.stdout]).toEqual([0, '0\nsurvived\n']);
  });

  it('hears no signal while it starts a command either, and its commands hear all', async () => {
    // With every signal blocked for a moment, another of its threads would take a deadly one.
    const all = 'for s in $(seq 64); do kill -$s 1; done 2>/dev/null';
    const masks = "grep -h '^Sig[BIC]' /proc/1/status /proc/self/status";
    const it = await runAgent([...Array<string>(30).fill(all), masks]);
    expect(it.code).toBe(0);
    const said = it.stdout.matchAll(/^Sig(\w+):\s+(\w+)$/gm);
    const [blocked, ignored, caught, ...own] = [...said].map(([, , bits]) => BigInt(`0x${bits}`));
    const deaf = (blocked ?? 0n) | (ignored ?? 0n) | (caught ?? 0n);
    const open = Array.from({ length: 64 }, (_, bit) => bit + 1).filter(
      (signal) => ((deaf >> BigInt(signal - 1)) & 1n) === 0n,
    );
    // KILL and STOP, which no process of the namespace can send to its first, and TERM and CHLD, which are
    // blocked but while it waits for them.
    expect(open.filter((signal) => ![15, 17].includes(signal))).toEqual([9, 19]);
    const [itsBlocked, itsIgnored] = own;
    // The C library keeps two for itself and leaves them ignored in what it spawns.
    expect([itsBlocked, (itsIgnored ?? 0n) & ~0x180000000n]).toEqual([0n, 0n]);
  });

  it.each([
    [
      'cgroup v1',
      {
        'memory/memory.usage_in_bytes': '260000000',
        'memory/memory.stat': 'total_inactive_file 1000000\ntotal_active_file 1000000\n',
      },
    ],
    [
      'cgroup v2',
      {
        'memory.current': '260000000',
        'memory.stat': 'inactive_file 1000000\nactive_file 1000000\n',
      },
    ],
  ])('ends the agent near the memory limit that %s shows', async (_, files) => {
    const source = scratch.fresh();
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(source, path, '..'), { recursive: true });
      writeFileSync(join(source, path), text);
    }
    const it = await runAgent(['sleep 20'], { extra: [{ source, target: '/sys/fs/cgroup' }] });
    expect(it.code).toBe(137);
    expect(it.said).toMatchObject({ reason: 'MemoryLimit' });
  });

  it('ends an agent that fills its workspace', async () => {
    const it = await runAgent([
      'for i in $(seq 9000); do :> f$i; done; head -c 80M /dev/zero > big; sleep 20',
    ]);
    expect(it.code).toBe(137);
    expect(it.said).toMatchObject({ reason: 'WorkspaceLimit' });
  });

  it('ends an agent that fills the report volume, which the kubelet would end the pod for', async () => {
    const it = await runAgent(['head -c 20M /dev/zero > /run/clawgym/report/big; sleep 20']);
    expect(it.code).toBe(137);
    expect(it.said).toMatchObject({ reason: 'WorkspaceLimit' });
  });

  it.each([
    [
      'holds too many sockets',
      `import os, socket, time
door = socket.create_server(("127.0.0.1", 9009), backlog=1)
for _ in range(4):
    if os.fork() == 0:
        kept = []
        for _ in range(4000):
            link = socket.socket()
            link.setblocking(False)
            link.connect_ex(door.getsockname())
            kept.append(link)
        time.sleep(30)
time.sleep(30)`,
      /^\d+ TCP sockets at once; the limit is 4096$/,
    ],
    [
      'opens one connection after the other that nobody accepts',
      `import socket, time
door = socket.create_server(("127.0.0.1", 9009), backlog=1)
for _ in range(20000):
    link = socket.socket()
    link.setblocking(False)
    link.connect_ex(door.getsockname())
    link.close()
time.sleep(30)`,
      /more than 4096 connections/,
    ],
  ])('ends an agent that %s', async (_, code, detail) => {
    const it = await runAgent([`exec python3 -c '${code}'`]);
    expect(it.code).toBe(137);
    expect(it.said).toMatchObject({ reason: 'ConnectionLimit' });
    const report = await readAgentReport(join(it.report, `${NONCE}.json`), NONCE);
    expect(report?.detail).toMatch(detail);
  });

  it('lets an agent be that serves many callers of its own, or calls where nobody is', async () => {
    const code = `import socket
door = socket.create_server(("127.0.0.1", 9009), backlog=64)
for _ in range(12000):
    with socket.create_connection(door.getsockname()): door.accept()[0].close()
for _ in range(12000):
    with socket.socket() as link: link.connect_ex(("127.0.0.1", 9010))`;
    const it = await runAgent([`exec python3 -c '${code}'`]);
    expect(it.said).toMatchObject({ exitCode: 0, reason: 'Exited' });
  });

  it('bounds the files of each process as the local engine does', async () => {
    const it = await runAgent(['ulimit -Hf; ulimit -Hn; ulimit -Hc']);
    // Bash counts the size of a file in KiB.
    expect(it.stdout).toBe('65536\n4096\n0\n');
  });

  it('refuses to be anything but the first process', async () => {
    const folder = scratch.fresh();
    const command = 'python3 -I -S -B /init /v/spec.json; true';
    const end = await startContainer({
      argv: ['/usr/bin/bash', '-c', command],
      mounts: [{ source: flatPrograms(folder, 'wrapper'), target: '/init', mode: 'ro' }],
    }).end;
    expect(end.stderr).toContain('first process');
  });
});
