import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BwrapSandbox } from '../../src/engines/local/sandbox/bwrap-sandbox.ts';
import { openTestSandbox, runScript, scratchFolder } from '../support/sandbox-host.ts';

const scratch = scratchFolder();
let sandbox: BwrapSandbox;

beforeAll(async () => {
  sandbox = await openTestSandbox();
});
afterAll(() => scratch.remove());

const agent = (
  script: string | readonly string[],
  change: Parameters<typeof runScript>[3] = {},
  plan: Parameters<typeof runScript>[4] = {},
) => runScript(sandbox, scratch.fresh(), script, change, plan);

const hostProcesses = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

function procFile(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
const commandLine = (pid: string) => procFile(pid, 'cmdline');
const parentOf = (pid: string) => /^PPid:\s*(\d+)$/m.exec(procFile(pid, 'status'))?.[1] ?? '';

describe('an agent in its sandbox', () => {
  it('works in its workspace, with its environment, files and input', async () => {
    const { run, out, workspace } = await agent(
      '',
      {},
      {
        commands: [
          {
            argv: ['bash', '-c', 'pwd; cat; cat /agent/c/a.json; echo $A $HOME; echo hi > f'],
            stdin: 'in\n',
          },
        ],
        files: [{ path: 'c/a.json', content: '{}\n' }],
        env: { A: 'b' },
      },
    );
    expect(out).toBe('/root/.openclaw/workspace\nin\n{}\nb /tmp/home\n');
    expect(readFileSync(join(workspace, 'f'), 'utf8')).toBe('hi\n');
    expect(run.end).toMatchObject({ exitCode: 0, signal: null, reason: 'Exited' });
    expect(run.findings).toEqual([]);
  });

  it('cannot change its configuration or the wrapper', async () => {
    const { out } = await agent(
      'for f in /agent/a /run/clawgym/agent_init/link.py /run/clawgym/x; do echo x > $f && echo wrote; done; echo end',
      {},
      { files: [{ path: 'a', content: '' }] },
    );
    expect(out).toBe('end\n');
  });

  it('runs one command a turn and stops at the first that fails', async () => {
    const { run, out } = await agent(['echo one', 'echo two; exit 3', 'echo three']);
    expect(out).toBe('one\ntwo\n');
    expect(run.end).toMatchObject({ exitCode: 3, reason: 'Exited' });
  });

  it.each([
    ['a signal', 'kill -USR1 $$', { exitCode: null, signal: 'SIGUSR1', reason: 'Exited' }],
    ['an exit code like that of a signal', 'exit 137', { exitCode: 137, signal: null }],
  ])('reports %s', async (_, script, end) => {
    expect((await agent(script)).run.end).toMatchObject(end);
  });

  it('reports a program that is not there', async () => {
    const { run, err } = await agent('', {}, { commands: [{ argv: ['no-such-program'] }] });
    expect(run.end).toMatchObject({ exitCode: 127, reason: 'Exited' });
    expect(err).toContain("cannot start 'no-such-program'");
  });
});

describe('an agent against its wrapper', () => {
  it('can neither signal, trace nor read PID 1, nor its input', async () => {
    const { run, out } = await agent(`
      for s in TERM INT HUP KILL STOP ABRT SEGV USR1 ALRM XFSZ; do kill -$s 1; done
      python3 - <<'PY'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print("traced", libc.ptrace(16, 1, 0, 0) == 0)
for name in ("mem", "environ", "fd/0", "fd/1", "maps"):
    try:
        open("/proc/1/" + name, "rb").read(1)
        print("read", name)
    except OSError:
        pass
PY
      sleep 0.5; echo survived`);
    expect(out).toBe('traced False\nsurvived\n');
    expect(run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
  });

  it('cannot forge or prevent the report', async () => {
    const { run } = await agent(`
      cd /run/clawgym/report
      echo '{"nonce":"","exitCode":0,"signal":null,"reason":"Exited","detail":"","seconds":1}' > end.json
      rm end.json; mkdir -p end.json/deep/er; chmod 000 end.json/deep; chmod 000 end.json; mkfifo pipe
      python3 -c 'import os
for _ in range(30): os.mkdir("d" * 100); os.chdir("d" * 100)'
      ln -s /etc/passwd link; chmod 000 .; exit 9`);
    expect(run.end).toMatchObject({ exitCode: 9, reason: 'Exited' });
  });

  it('leaves no process behind that outlives it or holds its output', async () => {
    const { run } = await agent(
      'for i in 1 2 3; do (setsid bash -c "trap \\"\\" TERM; sleep 1000" &); done; sleep 0.2; exit 0',
    );
    expect(run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
    expect(run.end.seconds).toBeLessThan(3);
  });
});

describe('the wrapper ends an agent', () => {
  it('at its deadline, with everything it started, whatever that ignores', async () => {
    const { run, out } = await agent(
      ['echo one', 'trap "" TERM INT HUP; (setsid sleep 1000 &); while :; do sleep 1; done'],
      { deadlineSeconds: 2 },
    );
    expect(out).toBe('one\n');
    expect(run.end).toMatchObject({ exitCode: null, signal: 'SIGKILL', reason: 'Deadline' });
    expect(run.end.seconds).toBeLessThan(4);
  });

  it('near its memory limit', async () => {
    const { run } = await agent(`python3 -c '
import time
kept = []
while True:
    kept.append(bytearray(4 << 20)); time.sleep(0.05)'`);
    expect(run.end).toMatchObject({ reason: 'MemoryLimit' });
    expect(run.oomKilled).toBe(false);
    expect(run.findings.map((f) => f.code)).toEqual(['MemoryLimit']);
  });

  it('outlives a hog that is too fast for it, and says that memory was the reason', async () => {
    const { run } = await agent('python3 -c "x = bytearray(1 << 30)"; exit 0');
    // Kernel or wrapper, whoever is first: both are the agent's own end, with its report.
    const byKernel = run.end.reason === 'Exited';
    expect(run.oomKilled).toBe(byKernel);
    expect(run.end).toMatchObject(
      byKernel ? { exitCode: 0 } : { exitCode: null, reason: 'MemoryLimit' },
    );
    expect(run.findings.map((f) => f.code)).toEqual([
      byKernel ? 'ChildKilledForMemory' : 'MemoryLimit',
    ]);
  });

  it.each([
    ['100,000 files', 'i=0; while [ $i -lt 100000 ]; do : > f$i; i=$((i+1)); done; sleep 100'],
    ['10 GB in one file', 'head -c 10G /dev/zero > big; sleep 100'],
    [
      'many files of the largest size',
      'for i in 1 2 3 4 5; do head -c 60M /dev/zero > f$i; sleep 1; done; sleep 100',
    ],
    [
      'files without a name',
      'for i in 1 2 3 4; do exec {fd}>gone; rm gone; head -c 60M /dev/zero >&$fd; done; sleep 100',
    ],
    [
      'files in a closed folder',
      'mkdir -p a/b; head -c 60M /dev/zero > a/b/f; chmod 000 a/b a; sleep 100',
    ],
    ['a full /tmp', 'head -c 60M /dev/zero > /tmp/f; sleep 100'],
    ['files beside the report', 'head -c 60M /dev/zero > /run/clawgym/report/f; sleep 100'],
    [
      'folders deeper than a path can name',
      `exec python3 -c '
import os, time
for _ in range(100): os.mkdir("d" * 100); os.chdir("d" * 100)
time.sleep(100)'`,
    ],
  ])('for %s', async (_, script) => {
    const limits = { memoryMiB: 512, cpuMillis: 2000, pids: 64, fileMiB: 64 };
    const { run } = await agent(script, { limits, deadlineSeconds: 60 });
    expect(run.end).toMatchObject({ reason: 'WorkspaceLimit' });
    expect(run.findings.map((f) => f.code)).toEqual(['WorkspaceLimit']);
  });

  it('within a second of a SIGTERM from outside, as a pod gets it', async () => {
    const running = agent('trap "" TERM; while :; do sleep 1; done # termmark');
    const marked = () => hostProcesses().filter((pid) => commandLine(pid).includes('termmark'));
    await expect.poll(() => marked().length, { timeout: 10_000 }).toBeGreaterThan(0);
    const wrapper = parentOf(marked()[0] ?? '');
    expect(commandLine(wrapper)).toContain('/run/clawgym/agent_init');
    const told = performance.now();
    process.kill(Number(wrapper), 'SIGTERM');
    const { run } = await running;
    expect(performance.now() - told).toBeLessThan(1000);
    expect(run.end).toMatchObject({ exitCode: null, signal: 'SIGKILL', reason: 'Cancelled' });
  });

  it('when it is told to', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 500);
    const { run } = await agent('sleep 1000', { signal: abort.signal });
    expect(run.end).toMatchObject({ exitCode: null, reason: 'Cancelled' });
  });
});

describe('bounded resources', () => {
  it('bounds a fork bomb', async () => {
    const { run } = await agent('b() { b | b & }; b; sleep 1; exit 0', { deadlineSeconds: 3 });
    expect(run.end.seconds).toBeLessThan(20);
    expect(run.findings.map((f) => f.code)).toContain('PidsLimit');
  });

  it('keeps the first and last part of a long log', async () => {
    const { run, out } = await agent('echo first; yes | head -c 200000000; echo last', {
      deadlineSeconds: 60,
    });
    expect(out.startsWith('first\ny\n')).toBe(true);
    expect(out.endsWith('y\nlast\n')).toBe(true);
    expect(run.stdout.totalBytes).toBe(200_000_011);
    expect(run.findings.map((f) => f.code)).toEqual(['OutputTruncated']);
  });
});

describe('the model link', () => {
  /** Answers each connection with what it said, once the caller has finished speaking. */
  function echoServer(): Server {
    return createServer({ allowHalfOpen: true }, (socket) => {
      const said: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => said.push(chunk));
      socket.on('end', () => socket.end(Buffer.concat([Buffer.from('you said: '), ...said])));
      socket.on('error', () => undefined);
    });
  }

  const listen = (server: Server, path: string) =>
    new Promise<void>((resolve) => {
      server.listen({ path, writableAll: true }, () => resolve());
    });
  const close = (server: Server) =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
    });

  const TALK = `python3 - <<'PY'
import socket, sys
def talk(size):
    with socket.create_connection(("127.0.0.1", 8089)) as link:
        link.sendall(b"x" * size)
        link.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            part = link.recv(65536)
            if not part:
                return len(got)
            got += part
`;

  const talk = (calls: string) => `${TALK}${calls}\nPY\n`;

  it('carries many and large conversations, half-closed, from loopback to the socket', async () => {
    const folder = scratch.fresh();
    const server = echoServer();
    await listen(server, join(folder, 'model.sock'));
    const { out, err } = await agent(
      talk(`
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(talk, [1000] * 40)))
print(talk(20_000_000))`),
      { linkSocket: join(folder, 'model.sock') },
    );
    await close(server);
    expect(err).toBe('');
    expect(out).toBe(`${40 * 1010}\n20000010\n`);
  });

  it('waits while the socket is away and goes on when it is made anew', async () => {
    const folder = scratch.fresh();
    const path = join(folder, 'model.sock');
    const first = echoServer();
    await listen(first, path);
    const workspaceReady = scratch.fresh();
    const running = runScript(
      sandbox,
      workspaceReady,
      talk(`
import os, time
print(talk(5)); open("one", "w").close()
while os.path.exists("one"): time.sleep(0.05)
print(talk(7))`),
      { linkSocket: path },
    );
    const flag = join(workspaceReady, 'workspace', 'one');
    await expect.poll(() => existsSync(flag), { timeout: 10_000 }).toBe(true);
    await close(first);
    expect(existsSync(path)).toBe(false);
    rmSync(flag);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const second = echoServer();
    await listen(second, path);
    const { out, err } = await running;
    await close(second);
    expect(err).toBe('');
    expect(out).toBe('15\n17\n');
  });

  it('refuses to show a folder that holds more than the socket', async () => {
    const folder = scratch.fresh();
    mkdirSync(join(folder, 'workspace'));
    await expect(agent('true', { linkSocket: join(folder, 'model.sock') })).rejects.toThrow(
      /holds more than the socket: workspace/,
    );
  });
});
