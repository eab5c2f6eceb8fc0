import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { sha256 } from '../base/digest.ts';
import { type AgentCode, type Task, zTask } from '../tasks/task.ts';
import { removeShadows } from './remove-shadows.ts';

function task(agentCode: AgentCode, text = 'Run tools/report.py and write out/report.txt.'): Task {
  const file = { digest: sha256('x'), size: 1 };
  return zTask.parse({
    schema: 'clawgym.task/v1',
    id: 't',
    instruction: { turns: [{ text }] },
    workspace: {
      path: '/ws',
      inputs: [
        { path: 'tools/report.py', mode: 'protected', ...file },
        { path: 'tools/csv.py', mode: 'protected', ...file },
        { path: 'notes/plan.py', mode: 'editable', ...file },
        { path: 'tools/lib/rules.py', mode: 'protected', ...file },
      ],
    },
    verifier: {
      dialect: 'check-json',
      entry: 'check.py',
      files: [{ path: 'check.py', ...file }],
      agentCode,
    },
  });
}

async function workspace(root: string, paths: readonly string[], text = ''): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

async function remaining(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => relative(root, join(parentPath, name))).toSorted();
}

const planted = [
  'tools/report.py',
  'tools/csv.py',
  'tools/json.py',
  'tools/re.cpython-313-x86_64-linux-gnu.so',
  'tools/argparse/__init__.py',
  'tools/helper.py',
  'tools/json.txt',
  'tools/logging/notes.md',
  'conftest.py',
  'notes/json.py',
];

test("removes planted library modules beside the task's programs and in the root, nothing else", async () => {
  await using dir = await tempDir();
  await workspace(dir.path, planted);
  const findings = await removeShadows(dir.path, task('child'));
  expect(
    findings
      .map(({ message }) => message.split(' ', 1)[0] ?? '')
      .toSorted((a, b) => (a < b ? -1 : 1)),
  ).toEqual([
    'conftest.py',
    'notes/json.py',
    'tools/argparse',
    'tools/json.py',
    'tools/re.cpython-313-x86_64-linux-gnu.so',
  ]);
  expect((await readdir(join(dir.path, 'tools'))).toSorted()).toEqual([
    'csv.py',
    'helper.py',
    'json.txt',
    'logging',
    'report.py',
  ]);
  expect(await readdir(join(dir.path, 'notes'))).toEqual([]);
});

test("removes what Python takes before the task's own protected modules", async () => {
  await using dir = await tempDir();
  const kept = [
    'tools/report.py',
    'tools/helpers/__init__.py',
    'tools/__pycache__/helper.cpython-313.pyc',
    'notes/plan/__init__.py',
    'notes/__pycache__/plan.cpython-313.pyc',
  ];
  const removed = [
    'tools/report/__init__.py',
    'tools/report.abi3.so',
    'tools/lib.py',
    'tools/lib/__init__.py',
    'tools/_strptime.py',
    'tools/__pycache__/report.cpython-313.pyc',
    'tools/lib/__pycache__/rules.cpython-313.opt-1.pyc',
  ];
  await workspace(dir.path, [...kept, ...removed], 'x');
  const findings = await removeShadows(dir.path, task('child'));
  expect(findings.map(({ code, message }) => `${code} ${message.split(' ', 1)[0] ?? ''}`)).toEqual(
    [
      'tools/_strptime.py',
      'tools/lib/__init__.py',
      'tools/lib.py',
      'tools/report',
      'tools/report.abi3.so',
    ].map((path) => `ShadowingModuleRemoved ${path}`),
  );
  expect(await remaining(dir.path)).toEqual(kept.toSorted());
});

test('names compiled modules that tell Python not to look at their source', async () => {
  await using dir = await tempDir();
  const checked = 'tools/__pycache__/report.cpython-312.pyc';
  const unchecked = 'tools/__pycache__/report.cpython-313.pyc';
  await workspace(dir.path, [checked], '\x01\x02\r\n\0\0\0\0code');
  await workspace(dir.path, [unchecked], '\x01\x02\r\n\x01\0\0\0code');
  const findings = await removeShadows(dir.path, task('child'));
  expect(findings.map(({ message }) => message.split(' ', 1)[0])).toEqual([unchecked]);
  expect(await remaining(dir.path)).toEqual([]);
});

test("leaves an empty __init__ in a folder of the task's own modules", async () => {
  await using dir = await tempDir();
  await workspace(dir.path, ['tools/lib/__init__.py']);
  expect(await removeShadows(dir.path, task('child'))).toEqual([]);
  expect(await remaining(dir.path)).toEqual(['tools/lib/__init__.py']);
});

test('removes library modules from the folder where scripts of Harbor start', async () => {
  await using dir = await tempDir();
  await workspace(dir.path, ['json.py', 'main.py', 'app/json.py']);
  const scripted = task('in-process');
  const { verifier } = scripted;
  if (verifier === undefined) throw new Error('a task without a verifier');
  const harbor: Task = {
    ...scripted,
    workspace: { path: '/app', inputs: [] },
    verifier: { ...verifier, dialect: 'harbor' },
  };
  expect((await removeShadows(dir.path, harbor)).map(({ code }) => code)).toEqual([
    'ShadowingModuleRemoved',
  ]);
  expect(await remaining(dir.path)).toEqual(['app/json.py', 'main.py']);
});

test('keeps a file that the instruction names', async () => {
  await using dir = await tempDir();
  await workspace(dir.path, ['tools/report.py', 'tools/calendar.py']);
  const asked = task('child', 'Add a helper module at tools/calendar.py for tools/report.py.');
  expect(await removeShadows(dir.path, asked)).toEqual([]);
  expect(await readdir(join(dir.path, 'tools'))).toContain('calendar.py');
});

test('leaves the workspace alone where the verifier runs no agent code', async () => {
  await using dir = await tempDir();
  await workspace(dir.path, planted);
  expect(await removeShadows(dir.path, task('none'))).toEqual([]);
  expect(await readdir(join(dir.path, 'tools'))).toContain('json.py');
});
