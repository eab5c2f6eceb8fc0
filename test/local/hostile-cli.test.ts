import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { zResults } from '../../src/bench/results.ts';
import { scratchFolder } from '../support/sandbox-host.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const scratch = scratchFolder();
const out = join(scratch.path, 'out');
const tmp = join(scratch.path, 'tmp');
const MARK = 'hostile-cli-left-behind';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function clawgym(...args: readonly string[]): Promise<Ended> {
  const child = spawn(join(ROOT, 'bin/clawgym'), args, {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: tmp },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 90_000,
    killSignal: 'SIGKILL',
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', (code) => resolve(code));
  return { code: await promise, ...said };
}

/** Everything that can be done at once without ending early. */
const SCRIPT = `
printf 'log \\033[2J\\033]0;owned\\007 \\342\\200\\256 end\\n'; printf '\\033[31merr\\n' >&2
ln -s /etc/passwd "$(printf 'link\\n\\033[31m<img src=x onerror=alert(1)>')"
ln -s /verifier v; mkfifo pipe; : > "$(printf 'bad-\\377')"; : > "$(printf '\\342\\200\\256gnp.exe')"
(setsid bash -c 'trap "" TERM INT HUP; while :; do sleep 1; done' ${MARK} &)
for i in $(seq 60); do mkdir dddddddddddddddd && cd dddddddddddddddd; done
cd /root/.openclaw/workspace; chmod -R a-rwx .
exit 0`;

/** Terminal controls other than line ends, and characters that reorder text. */
const RAW = /[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u;

beforeAll(() => mkdirSync(tmp, { mode: 0o711 }));
afterAll(() => scratch.remove());

it('runs a hostile agent on a real task to an honest end', async () => {
  // A second try would read what was decided at the first.
  rmSync(out, { recursive: true, force: true });
  const task = ['--tasks', 'examples/tasks', '--task', 'travel-claim'];
  const agent = ['--agent', 'command', '--command', SCRIPT];
  const run = await clawgym('bench', ...task, ...agent, '--out', out);
  expect(run.code).toBe(0);
  expect(RAW.exec(run.stdout)).toBeNull();
  expect(RAW.exec(run.stderr)).toBeNull();
  const results = zResults.parse(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')));
  const sample = results.arms[0]?.tasks[0]?.attempts[0];
  expect(sample).toMatchObject({ outcome: 'scored', tries: 1, score: { final: 0 } });
  expect(new Set(sample?.findings.map(({ code }) => code))).toEqual(new Set(['EntrySkipped']));
  expect(/<(img|script)/i.exec(readFileSync(join(out, 'report.html'), 'utf8'))).toBeNull();
});

it('shows and downloads what it left without a control character', async () => {
  const id = 'bench-command/travel-claim/0';
  for (const command of ['show', 'logs']) {
    const shown = await clawgym(command, id, '--out', out);
    expect(shown.code).toBe(0);
    expect(RAW.exec(shown.stdout)).toBeNull();
  }
  const to = join(scratch.path, 'copy');
  rmSync(to, { recursive: true, force: true });
  expect((await clawgym('download', id, '--out', out, '--to', to)).code).toBe(0);
  const [copy] = readdirSync(to);
  expect(existsSync(join(to, copy ?? '', 'workspace'))).toBe(true);
});

it('leaves nothing running and nothing in the temporary folder', () => {
  const running = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && commandOf(pid).includes(MARK),
  );
  expect(running.filter((pid) => pid !== String(process.pid))).toEqual([]);
  // Node keeps compiled modules there.
  expect(readdirSync(tmp).filter((name) => name.startsWith('clawgym'))).toEqual([]);
});

function commandOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
