import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { z } from 'zod';
import { clawgym, type Ended, EXAMPLES, resultsOf } from '../support/cli-process.ts';

const zLine = z.object({ rollout: z.string() });
const scratch = mkdtempSync(join(tmpdir(), 'clawgym-cli-bench-'));
const out = join(scratch, 'out');
const TASKS = ['--tasks', EXAMPLES, '--task', 'log-triage', 'meeting-slot'] as const;
const RUN = ['bench', ...TASKS, '--agent', 'nop', 'solution', '--out', out] as const;
let first: Ended;

beforeAll(async () => {
  first = await clawgym(...RUN);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(out, name), 'utf8');

/** The rollouts with their attempts, as the store holds them. */
async function rows(): Promise<readonly unknown[]> {
  const ids = ['nop', 'solution'].flatMap((arm) => [
    `bench-${arm}/log-triage/0`,
    `bench-${arm}/meeting-slot/0`,
  ]);
  const shown = await Promise.all(ids.map((id) => clawgym('show', id, '--out', out, '-o', 'json')));
  return shown.map(({ stdout }) => stdout);
}

it('runs, writes its three files and ends with the path of the report', () => {
  expect(first.code).toBe(0);
  expect(first.stdout.trimEnd().split('\n').at(-1)).toBe(`report: ${out}/report.html`);
  expect(first.stderr.trimEnd()).toMatch(/4\/4 · 0 running · 4 scored$/);
  expect(resultsOf(out).arms.map(({ name, mean }) => [name, mean.final])).toEqual([
    ['nop', 0],
    ['solution', 1],
  ]);
  const lines = read('rollouts.jsonl').trimEnd().split('\n');
  expect(lines.map((line) => zLine.parse(JSON.parse(line)).rollout)).toEqual([
    'bench-nop/log-triage/0',
    'bench-nop/meeting-slot/0',
    'bench-solution/log-triage/0',
    'bench-solution/meeting-slot/0',
  ]);
  expect(read('report.html')).toMatch(/^<!doctype html>/i);
});

it('prints nothing but text where it is piped', () => {
  expect(first.stdout + first.stderr).not.toMatch(/[^\P{Cc}\n]/u);
});

it('does nothing new when the same command runs again', async () => {
  const before = await rows();
  const files = ['results.json', 'rollouts.jsonl', 'report.html'];
  const contents = files.map(read);
  const again = await clawgym(...RUN);
  expect([again.code, again.stdout]).toEqual([0, first.stdout]);
  expect(again.stderr).toContain('4/4 · 0 running\n');
  expect(await rows()).toEqual(before);
  expect(files.map(read)).toEqual(contents);
  expect((await clawgym(...RUN, '--resume')).code).toBe(0);
  expect(await rows()).toEqual(before);
});

it('refuses other settings in the same folder, with what differs and the next step', async () => {
  const before = await rows();
  const agents = ['--agent', 'lazy', 'nop'];
  const other = await clawgym('bench', ...TASKS, ...agents, '--attempts', '2', '--out', out);
  expect(other.code).toBe(1);
  expect(other.stdout).toBe('');
  expect(other.stderr).toContain('holds arm nop of an earlier run with other settings');
  expect(other.stderr).toContain('samples: 1 there, 2 now');
  expect(other.stderr).toContain('name another folder with --out, or use the settings of that run');
  expect(await rows()).toEqual(before);
  // The arm before the refused one was not planned either, so that it is still free.
  const lazy = ['--agent', 'lazy', '--attempts', '1'];
  expect((await clawgym('bench', ...TASKS, ...lazy, '--out', out)).code).toBe(0);
});

it('prints the results as JSON, and nothing else', async () => {
  const run = await clawgym(...RUN, '-o', 'json');
  expect(JSON.parse(run.stdout)).toEqual(JSON.parse(read('results.json')));
});

test.each<[string, readonly string[], number, RegExp]>([
  [
    '--resume without a run',
    ['--agent', 'nop', '--resume'],
    1,
    /holds no earlier run; leave --resume out/,
  ],
  ['an unknown agent', ['--agent', 'nope'], 1, /--agent nope: unknown agent; known: nop, lazy,/],
  ['a variant that the agent lacks', ['--agent', 'nop:x'], 1, /unknown agent "nop:x"/],
  ['an agent named twice', ['--agent', 'nop', 'nop'], 1, /the arm nop is asked for twice/],
  ['a harness without a model', ['--agent', 'pi'], 1, /--agent pi needs a model: add --model/],
  ['a model nowhere', ['--agent', 'nop', '--model', 'm'], 1, /--model m .*add --base-url URL/],
  ['a command agent without a command', ['--agent', 'command'], 1, /needs --command/],
  ['no agent', [], 2, /required option '--agent/],
  [
    'a count of 0',
    ['--agent', 'nop', '--attempts', '0'],
    2,
    /expected a whole number from 1 to 1000/,
  ],
  ['an unknown flag', ['--agent', 'nop', '--atempts', '2'], 2, /unknown option '--atempts'/],
  [
    'an unknown task',
    ['--agent', 'nop', '--task', 'no'],
    1,
    /has no task "no"; clawgym tasks show/,
  ],
])('%s is refused and writes nothing', async (_name, flags, code, message) => {
  const target = join(scratch, 'refused');
  const tasks = ['--tasks', EXAMPLES];
  const run = await clawgym('bench', ...tasks, '--out', target, ...flags);
  expect([run.code, run.stdout]).toEqual([code, '']);
  expect(run.stderr).toMatch(message);
  expect(run.stderr).not.toContain('This is a bug');
  expect(existsSync(target)).toBe(false);
});

it('names a path of tasks that is not there', async () => {
  const run = await clawgym('bench', '--tasks', join(scratch, 'none'), '--agent', 'nop');
  expect(run.code).toBe(1);
  expect(run.stderr).toBe(`error: ${scratch}/none: no such file or folder [NotFound]\n`);
});

test.each([
  ['a file', () => join(scratch, 'file')],
  ['a folder below a file', () => join(scratch, 'file/below')],
  ['a place where nobody may write', () => '/proc/clawgym'],
])('an output folder that is %s is refused by name', async (_name, target) => {
  writeFileSync(join(scratch, 'file'), 'x');
  const run = await clawgym('bench', ...TASKS, '--agent', 'nop', '--out', target());
  expect(run.code).toBe(1);
  expect(run.stderr).toContain(target());
  expect(run.stderr).not.toContain('This is a bug');
});

it('stops at one bad task, and goes on without it where that is asked', async () => {
  const tasks = join(scratch, 'tasks');
  cpSync(join(EXAMPLES, 'log-triage'), join(tasks, 'log-triage'), { recursive: true });
  mkdirSync(join(tasks, 'broken'));
  writeFileSync(join(tasks, 'broken/data_entry.json'), '{"user_query": 5}');
  const target = join(scratch, 'partly');
  const args = ['bench', '--tasks', tasks, '--agent', 'nop', '--out', target];
  const stopped = await clawgym(...args);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/error: broken, field user_query: got 5/);
  expect(stopped.stderr).toMatch(/1 tasks cannot be imported.*--skip-invalid \[InvalidTask\]/);
  expect(existsSync(target)).toBe(false);
  const skipped = await clawgym(...args, '--skip-invalid');
  expect(skipped.code).toBe(0);
  expect(skipped.stderr).toContain('left out 1 tasks that cannot be imported');
  expect(resultsOf(target).arms[0]?.planned).toBe(1);
});

it("ends a program at the run's time budget, as a budget's end", async () => {
  const target = join(scratch, 'seconds');
  const args = ['--agent', 'command', '--command', 'sleep 60', '--max-seconds', '1'];
  const tasks = ['--tasks', EXAMPLES, '--task', 'log-triage'];
  const ended = await clawgym('bench', ...tasks, ...args, '--out', target);
  expect(ended.code).toBe(0);
  const shown = await clawgym('show', 'log-triage', '--out', target, '-o', 'json');
  expect(shown.stdout).toContain('"reason": "Budget"');
});

it('calls a command without a model a program, and keeps it apart from other mounts', async () => {
  const target = join(scratch, 'program');
  const args = ['bench', '--tasks', EXAMPLES, '--task', 'log-triage', '--agent', 'command'];
  const run = [...args, '--command', 'true', '--out', target];
  expect((await clawgym(...run)).stdout).toContain('no arm is a model result: program only');
  expect(resultsOf(target).arms[0]?.kind).toBe('program');
  const other = await clawgym(...run, '--mount', `${scratch}:/opt/mine`);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain('mounts: none there');
});
