import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

async function workspace(root: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), '');
  }
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
