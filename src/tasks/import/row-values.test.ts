import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { finishTask } from '../finish-task.ts';
import { loadTaskSet } from '../load-task-set.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import type { TaskEntry } from '../task-set.ts';
import { draftOfRow } from './clawgym-row.ts';
import { DEFAULT_IMPORT_LIMITS } from './import-limits.ts';

const limits = DEFAULT_IMPORT_LIMITS;

/** The task of a row that is sound but for the change. */
function load(change: object): TaskEntry['task'] {
  const row = {
    task_id: 'a',
    prompt: 'Write output/a.txt',
    input_files: [{ file_path: 'in.txt', content: 'x' }],
    reward_files: [{ file_path: 'check.py', content: 'print({})' }],
    ...change,
  };
  const draft = draftOfRow(row, 1, 'rows.jsonl', limits);
  return finishTask(draft, { limits, blobs: new MemoryBlobs(), scanAgentCode: () => 'none' }).task;
}

const extended = (part: object): object => ({
  clawgym: { task: { schema: 'clawgym.task/v1', ...part } },
});

test.each<[string, object, string]>([
  [
    'a time-out of more than a week',
    extended({ timeouts: { agentSeconds: 604_801, verifierSeconds: 1 } }),
    'timeouts.agentSeconds',
  ],
  [
    'a verifier of more than a day',
    extended({ timeouts: { agentSeconds: 1, verifierSeconds: 86_401 } }),
    'timeouts.verifierSeconds',
  ],
  [
    'memory beyond 32 bits',
    extended({ environment: { limits: { memoryMiB: 2 ** 31 } } }),
    'environment.limits.memoryMiB',
  ],
  [
    'fewer processes than a sandbox needs',
    extended({ environment: { limits: { pids: 3 } } }),
    'environment.limits.pids',
  ],
  [
    'a variable with "=" in its name',
    extended({ environment: { env: { 'A=B': 'x' } } }),
    'environment.env.A=B',
  ],
  ['a variable with NUL', extended({ environment: { env: { A: 'x\0' } } }), 'environment.env.A'],
  ['weights of 0', extended({ weights: { code: '0', rubric: '0.0' } }), 'weights'],
  [
    'a weight beyond doubles',
    extended({ weights: { code: '9'.repeat(400), rubric: '1' } }),
    'weights.code',
  ],
  [
    'a script outside of its folder',
    extended({ solution: { script: '../x', executable: [] } }),
    'solution.script',
  ],
])('refuses %s in an extension', (_name, change, field) => {
  expect(() => load(change)).toThrow(`clawgym.task.${field}: got `);
});

test('names that every object has are file names like others', () => {
  const paths = ['constructor', 'toString', '__proto__', 'a/hasOwnProperty'];
  const task = load({
    input_files: paths.map((path) => ({ file_path: path, content: 'x' })),
    prompt: 'Write out/.env.constructor',
  });
  expect(task.workspace.inputs.map(({ path }) => path)).toEqual(paths);
  expect(task.outputs).toEqual([
    { path: 'out/.env.constructor', format: 'text', orderMatters: true },
  ]);
});

test('a hook that is the whole verifier becomes reward.sh; null means: not given', () => {
  const task = load({
    task_id: null,
    workspace_root: null,
    reward_files: null,
    hook_code: 'echo 1',
  });
  expect(task.id).toBe('task_00000');
  expect(task.verifier).toMatchObject({ dialect: 'reward-sh', entry: 'reward.sh' });
});

test('a source with more files than memory should hold is stopped with its place', async () => {
  await using dir = await tempDir();
  const row = (id: string): string =>
    JSON.stringify({
      task_id: id,
      prompt: 'x',
      reward_files: [{ file_path: 'check.py', content: id.repeat(60) }],
    });
  await writeFile(join(dir.path, 'rows.jsonl'), ['a', 'b', 'c'].map(row).join('\n'));
  const load = (sourceBytes: number) =>
    loadTaskSet(join(dir.path, 'rows.jsonl'), {
      scanAgentCode: () => 'none',
      signal: new AbortController().signal,
      limits: { ...limits, sourceBytes },
    });
  expect((await load(180)).set.tasks).toHaveLength(3);
  await expect(load(179)).rejects.toThrow(/more than 179 bytes up to rows\.jsonl, row 3.*in parts/);
});
