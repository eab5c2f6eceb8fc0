import { cpSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it, test } from 'vitest';
import { clawgym, EXAMPLES, startClawgym } from '../support/cli-process.ts';
import { tempDir } from '../support/temp-dir.ts';

test.each([
  [],
  ['run'],
  ['bench'],
  ['show'],
  ['logs'],
  ['download'],
  ['verify'],
  ['doctor'],
  ['tasks'],
  ['tasks', 'import'],
  ['tasks', 'export'],
  ['tasks', 'show'],
  ['tasks', 'check'],
  ['synthesis'],
  ['synthesis', 'records'],
  ['synthesis', 'show'],
])('clawgym %s --help explains itself on standard output', async (...command) => {
  const run = await clawgym(...command, '--help');
  expect([run.code, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toMatch(new RegExp(`^Usage: ${['clawgym', ...command].join(' ')} `));
  expect(run.stdout).not.toMatch(/[^\P{Cc}\n]/u);
});

it('prints its version', async () => {
  expect(await clawgym('--version')).toMatchObject({ code: 0, stdout: '0.1.0\n' });
});

it('passes the static gate with every example', async () => {
  const run = await clawgym('tasks', 'check', EXAMPLES);
  expect([run.code, run.stdout]).toEqual([0, '12 tasks: 12 pass, 0 fail, 0 refused\n']);
});

it('refuses a command that there is not', async () => {
  const { code, stderr } = await clawgym('nonsense');
  expect([code, stderr.split('\n')[0]]).toEqual([2, "error: unknown command 'nonsense'"]);
});

test.each(['stdout', 'stderr'] as const)(
  'a command outlives the reader of its %s',
  async (name) => {
    const run = startClawgym('tasks', 'show', name === 'stdout' ? EXAMPLES : `${EXAMPLES}/none`);
    run.child[name]?.destroy();
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([name === 'stdout' ? 0 : 1, '']);
  },
);

it('finds a verifier that the grader cannot compile, and the ones that it can', async () => {
  await using dir = await tempDir();
  const good = join(dir.path, 'log-triage');
  const bad = join(dir.path, 'meeting-slot');
  for (const task of [good, bad]) cpSync(join(EXAMPLES, basename(task)), task, { recursive: true });
  writeFileSync(join(bad, 'reward/check.py'), 'import json\n\ndef grade(:\n');
  const run = await clawgym('tasks', 'check', dir.path, '--compile');
  expect(run.code).toBe(1);
  expect(run.stdout).toMatch(
    /meeting-slot +G0 +error +VerifierSyntax +verifier file check.py: line 3: invalid syntax\n/,
  );
  expect(run.stdout).toContain('2 tasks: 1 pass, 1 fail, 0 refused');
});
