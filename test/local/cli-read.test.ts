import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { z } from 'zod';
import { sha256 } from '../../src/base/digest.ts';
import { clawgym, EXAMPLES, ROOT } from '../support/cli-process.ts';
import { startScriptedModel } from '../support/scripted-model-server.ts';

const scratch = mkdtempSync(join(tmpdir(), 'clawgym-cli-read-'));
const out = join(scratch, 'out');
const SAY = `printf 'said\\033[31m\\n'; echo woe >&2; echo '{}' > mine.json; python3 -c '
import os, urllib.request
urllib.request.urlopen(urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    b"""{"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}""",
    {"Content-Type": "application/json"}), timeout=60).read()'`;

beforeAll(async () => {
  await using model = await startScriptedModel({ script: () => ({ content: 'Hello.' }) });
  const tasks = ['--tasks', EXAMPLES, '--task', 'log-triage', 'meeting-slot'];
  const agent = ['--agent', 'command', 'nop', '--command', SAY];
  const flags = ['--model', 'm', '--base-url', model.baseUrl, '--out', out];
  expect(await clawgym('bench', ...tasks, ...agent, ...flags)).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const zDetail = z.object({
  rollout: z.object({
    id: z.string(),
    taskId: z.string(),
    decision: z.object({ outcome: z.string(), score: z.object({ final: z.number() }) }),
  }),
  attempts: z.array(
    z.object({
      attempt: z.object({ number: z.number(), nonce: z.literal('(hidden)') }),
      calls: z.array(z.object({ finish: z.object({ status: z.number() }), branch: z.string() })),
      verifications: z.array(z.object({ kind: z.string(), status: z.string() })),
      pods: z.tuple([]),
    }),
  ),
});

it('shows a rollout as JSON with its attempts, calls and verifications', async () => {
  const run = await clawgym('show', 'command/log', '--out', out, '-o', 'json');
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(zDetail.parse(JSON.parse(run.stdout))).toEqual({
    rollout: {
      id: 'bench-command/log-triage/0',
      taskId: 'log-triage',
      decision: { outcome: 'scored', score: { final: 0 } },
    },
    attempts: [
      {
        attempt: { number: 1, nonce: '(hidden)' },
        calls: [{ finish: { status: 200 }, branch: 'side' }],
        verifications: [{ kind: 'main', status: 'ok' }],
        pods: [],
      },
    ],
  });
});

it('shows the same for people', async () => {
  const { stdout } = await clawgym('show', 'bench-command/log-triage/0', '--out', out);
  expect(stdout).toMatch(/^Rollout: +bench-command\/log-triage\/0\nTask: +log-triage/);
  expect(stdout).toMatch(/Outcome: +scored\n/);
  expect(stdout).not.toContain('Pods:');
  // Its one question is not the instruction of the task: another conversation.
  expect(stdout).toMatch(/Model calls:\n +1 {2}complete 200, 100 in, 10 out tokens, side\n/);
});

it('prints what the agent printed, its control characters made visible', async () => {
  expect(await clawgym('logs', 'command/log', '--out', out)).toEqual({
    code: 0,
    stdout: 'said\\u001b[31m\n',
    stderr: '',
  });
  const errors = await clawgym('logs', 'command/log', '--out', out, '--stderr');
  expect(errors.stdout).toBe('woe\n');
  const none = await clawgym('logs', 'nop/log', '--out', out);
  expect(none.stdout).toBe('(agent nop runs no program: no output)\n');
});

it('downloads into a new folder only', async () => {
  const args = ['download', 'command/log', '--out', out, '--to', join(scratch, 'to')];
  const run = await clawgym(...args);
  const folder = join(scratch, 'to/bench-command_log-triage_0');
  expect(run).toEqual({ code: 0, stdout: `${folder}\n`, stderr: '' });
  const file = (name: string) => readFileSync(join(folder, name), 'utf8');
  expect(file('workspace/mine.json')).toBe('{}\n');
  expect(file('workspace/logs/web.log')).toBe(
    readFileSync(join(EXAMPLES, 'log-triage/input_files/logs/web.log'), 'utf8'),
  );
  expect([file('stdout.txt'), file('stderr.txt')]).toEqual(['said\u001b[31m\n', 'woe\n']);
  expect(file('calls/001-request.json')).toContain('Hello?');
  expect(file('calls/001-response.json')).toContain('Hello.');
  expect(zDetail.parse(JSON.parse(file('rollout.json'))).attempts).toHaveLength(1);

  writeFileSync(join(folder, 'stdout.txt'), 'mine now');
  const again = await clawgym(...args);
  expect([again.code, again.stdout]).toEqual([1, '']);
  expect(again.stderr).toBe(
    `error: ${folder} exists: remove it, or name another place [Conflict]\n`,
  );
  expect(file('stdout.txt')).toBe('mine now');
});

test.each<[string, string, RegExp]>([
  ['nobody', 'out', /no rollout has "nobody" in its id; rollouts.jsonl lists them \[NotFound\]/],
  ['log-triage', 'out', /"log-triage" fits 2 rollouts, for example bench-.*: give more of the id/],
  ['log-triage', 'none', /none holds no run: name the output folder of one with --out/],
])('asked for %j in %s, says what is wrong', async (wanted, folder, message) => {
  for (const command of ['show', 'logs', 'download']) {
    const run = await clawgym(command, wanted, '--out', join(scratch, folder));
    expect([run.code, run.stdout]).toEqual([1, '']);
    expect(run.stderr).toMatch(message);
  }
});

it('names a folder that holds a run where neither folder nor cluster is named, and there is no cluster', () => {
  const cwd = join(scratch, 'elsewhere');
  mkdirSync(join(cwd, 'out/first/store'), { recursive: true });
  const env = { PATH: process.env['PATH'], HOME: cwd };
  const run = spawnSync(join(ROOT, 'bin/clawgym'), ['show', 'x'], { cwd, env, encoding: 'utf8' });
  expect([run.status, run.stdout]).toEqual([1, '']);
  expect(run.stderr).toMatch(
    /\.\/out\/bench holds no run: .* for example --out out\/first; and no cluster/,
  );
});

it('names an attempt that there is not', async () => {
  const run = await clawgym('logs', 'command/log', '--out', out, '--attempt', '2');
  expect(run.stderr).toContain('bench-command/log-triage/0 has no attempt 2; it has 1');
});

const zVerify = z.object({
  task: z.string(),
  status: z.string(),
  score: z.object({ flat: z.number(), native: z.number(), rubric: z.null(), final: z.number() }),
  checks: z.record(z.string(), z.number()),
  findings: z.array(z.object({ code: z.string() })),
  grader: z.object({ root: z.string(), python: z.string() }),
});
const verify = (...args: readonly string[]) =>
  clawgym('verify', '--tasks', EXAMPLES, '--task', 'pipeline-toml-to-json', ...args);

it('grades a folder as a rollout would be, and leaves it alone', async () => {
  const solution = join(EXAMPLES, 'pipeline-toml-to-json/solution');
  const good = await verify('--workspace', solution, '-o', 'json');
  const graded = zVerify.parse(JSON.parse(good.stdout));
  expect(good.code).toBe(0);
  expect(graded).toMatchObject({ task: 'pipeline-toml-to-json', status: 'ok' });
  expect(graded.score).toEqual({ flat: 1, native: 1, rubric: null, final: 1 });
  expect(new Set(Object.values(graded.checks))).toEqual(new Set([1]));
  const empty = await verify('--workspace', join(EXAMPLES, 'log-triage/solution'), '-o', 'json');
  expect([empty.code, zVerify.parse(JSON.parse(empty.stdout)).score.final]).toEqual([0, 0]);
});

it('names a workspace and a task that are not there', async () => {
  const folder = await verify('--workspace', join(scratch, 'none'));
  expect([folder.code, folder.stdout]).toEqual([1, '']);
  expect(folder.stderr).toMatch(/^error: .*none.*\[NotFound\]\n$/);
  const flags = ['--task', 'nope', '--workspace', scratch];
  const task = await clawgym('verify', '--tasks', EXAMPLES, ...flags);
  expect(task.stderr).toMatch(/has no task "nope"; clawgym tasks show/);
});

const exported = (to: string, ...args: readonly string[]) =>
  clawgym('export', 'command', '--out', out, '--to', join(scratch, to), ...args);

it('exports a folder that accounts for every rollout, once only', async () => {
  const run = await exported('rows', '--min-score', '0', '-o', 'json');
  expect(run).toMatchObject({ code: 0, stderr: '' });
  const manifest = readFileSync(join(scratch, 'rows/manifest.json'), 'utf8');
  const written = z
    .object({ digest: z.string(), manifest: z.looseObject({ format: z.string() }) })
    .parse(JSON.parse(run.stdout));
  expect(written).toEqual({ digest: sha256(manifest), manifest: JSON.parse(manifest) });
  // Neither asked what its task says: the words of no session opened the conversation.
  expect(written.manifest).toMatchObject({
    rollouts: { seen: 2, taken: 0 },
    excluded: { noCalls: 2 },
    files: { 'train.jsonl': { bytes: 0 } },
  });
  const again = await exported('rows');
  expect([again.code, again.stdout]).toEqual([1, '']);
  expect(again.stderr).toContain('exists: remove it, or name another place [Conflict]');
});

test.each<[string, readonly string[], RegExp]>([
  ['a score above 1', ['--min-score', '1.5'], /expected a number from 0 to 1/],
  ['missing data', ['--outcome', 'infra_error'], /expected one of scored, agent_timeout/],
  ['a percent above 100', ['--validation-percent', '101'], /a whole number from 0 to 100/],
])('exports nothing for %s', async (_, flags, message) => {
  const run = await exported('refused', ...flags);
  expect([run.code, run.stdout]).toEqual([2, '']);
  expect(run.stderr).toMatch(message);
  expect(existsSync(join(scratch, 'refused'))).toBe(false);
});
