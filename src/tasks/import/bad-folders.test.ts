import { execFileSync } from 'node:child_process';
import { link, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { loadTaskSet } from '../load-task-set.ts';

const options = { scanAgentCode: () => 'none' as const, signal: new AbortController().signal };
const entry = (id: string): string =>
  JSON.stringify({ task_id: id, user_query: 'Write output/a.txt', metadata: { category: 'x' } });

async function write(root: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

const task = (id: string): Record<string, string> => ({
  [`${id}/data_entry.json`]: entry(id),
  [`${id}/input_files/in.txt`]: 'x',
  [`${id}/reward/check.py`]: 'print({})',
});

test.each<[string, (dir: string) => unknown, string, string]>([
  [
    'a symbolic link',
    (dir) => symlink('/etc/passwd', join(dir, 'input_files/link')),
    'UnsafePath',
    'input_files/link: got "a symbolic link"',
  ],
  [
    'a link to a folder',
    (dir) => symlink('/etc', join(dir, 'input_files/etc')),
    'UnsafePath',
    'a symbolic link',
  ],
  ['a linked part', (dir) => symlink('/etc', join(dir, 'solution')), 'UnsafePath', 'solution'],
  [
    'a hard link',
    (dir) => link(join(dir, 'input_files/in.txt'), join(dir, 'input_files/again')),
    'UnsafePath',
    'hard-linked',
  ],
  [
    'a pipe',
    (dir) => execFileSync('mkfifo', [join(dir, 'input_files/pipe')]),
    'UnsafePath',
    'a pipe, socket, device or folder',
  ],
  [
    'a 100 MB file',
    async (dir) => {
      await writeFile(join(dir, 'input_files/big'), '');
      await truncate(join(dir, 'input_files/big'), 100e6);
    },
    'TooLarge',
    'got "100000000 bytes", expected at most 16777216 bytes a file',
  ],
  [
    'many large files',
    async (dir) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        await writeFile(join(dir, `input_files/${name}`), '');
        await truncate(join(dir, `input_files/${name}`), 16_000_000);
      }
    },
    'TooLarge',
    'at most 67108864 bytes a task',
  ],
  [
    'a name that is not UTF-8',
    (dir) =>
      writeFile(
        Buffer.concat([Buffer.from(`${dir}/input_files/`), Buffer.from([0xff, 0xfe])]),
        'x',
      ),
    'UnsafePath',
    'file names in UTF-8',
  ],
  [
    'a name with a line break',
    (dir) => writeFile(join(dir, 'input_files/a\nb'), 'x'),
    'UnsafePath',
    'control character',
  ],
  [
    'deep folders',
    async (dir) => mkdir(join(dir, 'input_files', 'd/'.repeat(80)), { recursive: true }),
    'TooLarge',
    'folders nested at most 64 deep',
  ],
  [
    'an entry that is not UTF-8',
    (dir) => writeFile(join(dir, 'data_entry.json'), Buffer.from([0x22, 0xff, 0x22])),
    'InvalidTask',
    'expected UTF-8 text',
  ],
  [
    'an empty entry',
    (dir) => writeFile(join(dir, 'data_entry.json'), ''),
    'InvalidTask',
    'expected JSON',
  ],
  [
    'an entry without metadata',
    (dir) => writeFile(join(dir, 'data_entry.json'), '{"user_query":"q"}'),
    'InvalidTask',
    'field metadata: got nothing',
  ],
])('refuses %s and keeps the other tasks', async (_name, spoil, code, text) => {
  await using dir = await tempDir();
  await write(dir.path, { ...task('task_a'), ...task('task_b'), ...task('task_c') });
  await spoil(join(dir.path, 'task_b'));
  const { set, problems, refused } = await loadTaskSet(dir.path, options);
  expect(set.tasks.map(({ task: { id } }) => id)).toEqual(['task_a', 'task_c']);
  expect(refused).toBe(1);
  expect(problems[0]).toMatchObject({ code, file: 'task_b' });
  expect(problems[0]?.message).toContain(text);
});

test('a folder without an entry is refused, a stray file is a warning', async () => {
  await using dir = await tempDir();
  await write(dir.path, { ...task('task_a'), 'empty/x.txt': '', 'README.md': '' });
  const { set, problems, warnings } = await loadTaskSet(dir.path, options);
  expect(set.tasks).toHaveLength(1);
  expect(problems.map(({ file, field }) => [file, field])).toEqual([['empty', 'data_entry.json']]);
  expect(warnings).toEqual(['README.md: not a task folder; left out']);
});

test('a folder whose name is not UTF-8 does not hide the others', async () => {
  await using dir = await tempDir();
  await write(dir.path, task('task_a'));
  await mkdir(Buffer.concat([Buffer.from(`${dir.path}/`), Buffer.from([0xff, 0x1b])]));
  const { set, problems, refused } = await loadTaskSet(dir.path, options);
  expect(set.tasks.map(({ task: { id } }) => id)).toEqual(['task_a']);
  expect(refused).toBe(1);
  expect(problems[0]).toMatchObject({ code: 'UnsafePath', file: 'ÿ\\u001b', field: 'name' });
});

test('hidden folders that are no tasks are left out; one with an entry is a task', async () => {
  await using dir = await tempDir();
  await write(dir.path, { ...task('task_a'), ...task('.kept'), '.git/config': '' });
  await write(dir.path, { '.kept/data_entry.json': entry('kept') });
  const { set, problems, warnings } = await loadTaskSet(dir.path, options);
  expect(problems).toEqual([]);
  expect(set.tasks.map(({ task: { id } }) => id)).toEqual(['kept', 'task_a']);
  expect(warnings).toEqual(['.git: not a task folder; left out']);
});

test('a task folder that is named by its place has the name of that place', async () => {
  await using dir = await tempDir();
  await write(dir.path, { ...task('task_a'), 'task_a/x/y': '' });
  await write(dir.path, { 'task_a/data_entry.json': '{"user_query":"q","metadata":{}}' });
  const { set } = await loadTaskSet(join(dir.path, 'task_a/x/..').concat('/.'), options);
  expect(set.tasks[0]?.task.id).toBe('task_a');
  const inside = await loadTaskSet(`${dir.path}/task_a/x/..`, options);
  expect(inside.set.tasks[0]?.task.id).toBe('task_a');
});

test('both dialects give the same task: a relative mount, and paths below it', async () => {
  await using dir = await tempDir();
  await write(dir.path, {
    ...task('task_a'),
    'task_a/data_entry.json': JSON.stringify({
      user_query: 'q',
      metadata: { primary_skill_id: 's1', difficulty: 2 },
      input_mount_dir: 'input',
      validation_mode: 'code',
    }),
  });
  const { set } = await loadTaskSet(dir.path, options);
  expect(set.tasks[0]?.task).toMatchObject({
    id: 'task_a',
    cluster: 's1',
    workspace: { path: '/root/.openclaw/workspace', inputs: [{ path: 'input/in.txt' }] },
    extra: { metadata: { primary_skill_id: 's1', difficulty: 2 } },
  });
});

test('an overlay overrides input modes; a name it gets wrong is refused', async () => {
  await using dir = await tempDir();
  await write(dir.path, task('task_a'));
  const right = await loadTaskSet(dir.path, {
    ...options,
    overlay: { tasks: { task_a: { inputs: { 'in.txt': 'editable' } } } },
  });
  expect(right.set.tasks[0]?.task.workspace.inputs[0]?.mode).toBe('editable');
  const path = await loadTaskSet(dir.path, {
    ...options,
    overlay: { tasks: { task_a: { inputs: { 'no.txt': 'editable' } } } },
  });
  expect(path.problems[0]?.message).toContain(
    'got "no.txt", expected the path of an input of this task',
  );
  const id = await loadTaskSet(dir.path, {
    ...options,
    overlay: { tasks: { task_z: { inputs: {} } } },
  });
  expect(id.problems[0]?.message).toContain('got "task_z", expected the id of an imported task');
});

test.each([
  ['an empty folder', {}, 'found nothing'],
  ['a folder of other things', { 'a.txt': 'x', 'b/c.txt': 'x' }, 'found "a.txt, b"'],
])('says what it looked for in %s', async (_name, files, text) => {
  await using dir = await tempDir();
  await write(dir.path, files);
  await expect(loadTaskSet(dir.path, options)).rejects.toThrow(text);
  await expect(loadTaskSet(dir.path, options)).rejects.toThrow(/data_entry\.json.*task\.toml/);
});
