import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packedExample } from '../../test/support/import-files.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

function clawgym(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'tasks', ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

const row = (id: string, path = 'in.txt'): string =>
  `${JSON.stringify({ task_id: id, prompt: 'Edit in.txt in place and write output/a.txt', input_files: [{ file_path: path, content: 'x' }], reward_files: [{ file_path: 'check.py', content: 'print({})' }] })}\n`;

test('import, show, check, export and import again from the command line', {
  timeout: 60_000,
}, async () => {
  await using dir = await tempDir();
  const at = (name: string): string => join(dir.path, name);
  await writeFile(at('rows.jsonl'), row('a') + row('b'));
  const imported = clawgym('import', at('rows.jsonl'), '-o', at('set.tar'), '--json');
  expect(imported).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(imported.stdout)).toMatchObject({
    format: 'clawgym-jsonl',
    tasks: 2,
    refused: 0,
  });
  expect(clawgym('show', at('set.tar')).stdout).toMatch(/^ID +CATEGORY.*\na .*1\/1.*check-json/);
  expect(clawgym('show', at('set.tar'), 'b').stdout).toContain('Edit in.txt in place');
  expect(clawgym('check', at('set.tar'))).toMatchObject({
    status: 0,
    stdout: '2 tasks: 2 pass, 0 fail, 0 refused\n',
  });
  for (const format of ['clawgym-dir', 'clawgym-jsonl', 'harbor']) {
    await mkdir(at(format));
    expect(clawgym('export', at('set.tar'), '--format', format, '--out', at(format)).status).toBe(
      0,
    );
    const back = clawgym(
      'show',
      at(format === 'clawgym-jsonl' ? 'clawgym-jsonl/tasks.jsonl' : format),
      '--json',
    );
    const digests = (text: string): unknown =>
      (JSON.parse(text) as { tasks: { digest: string }[] }).tasks.map(({ digest }) => digest);
    expect(digests(back.stdout)).toEqual(digests(clawgym('show', at('set.tar'), '--json').stdout));
    expect(
      clawgym('export', at('set.tar'), '--format', format, '--out', at(format)).stderr,
    ).toContain('[Conflict]');
  }
});

test('show and export take the tasks that a SynthesisJob accepted, as folders unless asked otherwise', {
  timeout: 60_000,
}, async () => {
  await using dir = await tempDir();
  const at = (name: string): string => join(dir.path, name);
  const folder = at('sums/store');
  await using store = await openSqliteStore({ folder, holder: 'test', clock: systemClock });
  await store.planSynthesis({ id: 'sums', specDigest: sha256('s'), spec: '{}', createdAt: 1 });
  await writeFile(at('sums/task-set.tar'), (await packedExample('log-triage')).bytes);
  const from = ['synthesisjob/sums', '--from', dir.path];
  expect(clawgym('show', ...from).stdout).toMatch(/^ID +CATEGORY.*\nlog-triage /);
  expect(clawgym('export', ...from, '-o', at('tasks'))).toMatchObject({ status: 0, stderr: '' });
  expect(await readdir(at('tasks'))).toEqual(['log-triage']);
});

test('one bad task: nothing is written and the code is 1, unless it is to be skipped', {
  timeout: 60_000,
}, async () => {
  await using dir = await tempDir();
  const source = join(dir.path, 'rows.jsonl');
  const out = join(dir.path, 'out');
  await mkdir(out);
  await writeFile(source, row('a') + row('b', '../up') + row('c'));
  const strict = clawgym('import', source, '-o', join(out, 'set.tar'));
  expect(strict.status).toBe(1);
  expect(strict.stderr).toContain(
    'refused: rows.jsonl, row 2, task "b", field input_files[0].file_path: got "../up"',
  );
  expect(strict.stderr).toContain(
    '1 of 3 tasks were refused and nothing was written; --skip-invalid leaves them out',
  );
  expect(await readdir(out)).toEqual([]);
  const skipping = clawgym('import', source, '-o', out, '--skip-invalid', '--json');
  expect(skipping.status).toBe(0);
  const result = JSON.parse(skipping.stdout) as { digest: string };
  expect(result).toMatchObject({ tasks: 2, refused: 1 });
  expect(await readdir(out)).toEqual([`${result.digest}.tar`]);
});

test('import replaces an earlier task set and nothing else, and makes the folders above it', {
  timeout: 60_000,
}, async () => {
  await using dir = await tempDir();
  const at = (name: string): string => join(dir.path, name);
  await writeFile(at('rows.jsonl'), row('a'));
  const over = clawgym('import', at('rows.jsonl'), '-o', at('rows.jsonl'));
  expect(over.status).toBe(1);
  expect(over.stderr).toMatch(/rows\.jsonl: already there and no task set.*\[Conflict\]/);
  expect(await readFile(at('rows.jsonl'), 'utf8')).toBe(row('a'));
  execFileSync('mkfifo', [at('pipe')]);
  expect(clawgym('import', at('rows.jsonl'), '-o', at('pipe')).stderr).toContain('[Conflict]');
  for (const text of [row('a'), row('a') + row('b')]) {
    await writeFile(at('rows.jsonl'), text);
    const set = clawgym('import', at('rows.jsonl'), '-o', at('new/sets/set.tar'));
    expect(set).toMatchObject({ status: 0, stderr: '' });
  }
  expect(await readdir(at('new/sets'))).toEqual(['set.tar']);
  expect(clawgym('show', at('new/sets/set.tar')).stdout).toContain('\nb ');
});

test('an output that cannot be is told in one line', { timeout: 60_000 }, async () => {
  await using dir = await tempDir();
  const at = (name: string): string => join(dir.path, name);
  await writeFile(at('rows.jsonl'), row('a'));
  const told = (out: string, ...command: string[]): string =>
    clawgym(...command, at('rows.jsonl'), '-o', out).stderr;
  const inFile = at('rows.jsonl/x');
  for (const command of [['import'], ['export'], ['export', '--format', 'clawgym-jsonl']]) {
    expect(told('', ...command)).toBe(
      'error: --out: got "", expected a file or folder to write [InvalidInput]\n',
    );
    expect(told(inFile, ...command)).toMatch(/^error: .*rows\.jsonl.*\n$/);
  }
});
