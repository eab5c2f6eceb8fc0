import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyTask } from '../../../test/support/any-task.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asSha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import { TASK_SCHEMA, type Task, zTask } from '../task.ts';
import { taskDigest } from '../task-digest.ts';
import { taskFiles } from '../task-files.ts';
import { openTaskSet } from './open-task-set.ts';
import { tarHeader, tarPadding } from './tar-header.ts';
import { taskSetDigest } from './task-set-bytes.ts';
import { writeTaskSet } from './write-task-set.ts';

const signal = new AbortController().signal;

test('any tasks come back with their digests, files and the digest of the set', async () => {
  await using dir = await tempDir();
  const file = join(dir.path, 'set.tar');
  await fc.assert(
    fc.asyncProperty(anyTask, async ({ task, blobs }) => {
      const entries = [{ task, digest: taskDigest(task) }];
      const { digest } = await writeTaskSet(file, entries, blobs, signal);
      const set = await openTaskSet(file, signal);
      try {
        expect(set.tasks).toEqual(entries);
        expect(set.digest).toBe(digest);
        expect(digest).toBe(sha256(await readFile(file)));
        expect(await taskSetDigest(entries, blobs, signal)).toBe(digest);
        for (const { digest: blob } of taskFiles(task)) {
          expect(sha256(await set.blobs.read(blob))).toBe(blob);
        }
      } finally {
        await set.close();
      }
    }),
    { numRuns: 40 },
  );
});

const content = Buffer.from('print({})');
const blobs = new MemoryBlobs();
const task: Task = zTask.parse({
  schema: TASK_SCHEMA,
  id: 'a',
  instruction: { turns: [{ text: 'x' }] },
  workspace: { path: '/w', inputs: [] },
  verifier: {
    dialect: 'check-json',
    entry: 'check.py',
    agentCode: 'none',
    files: [{ path: 'check.py', digest: blobs.put(content), size: content.length }],
  },
});
const entries = [{ task, digest: taskDigest(task) }];

async function goodBytes(): Promise<Buffer> {
  await using dir = await tempDir();
  await writeTaskSet(join(dir.path, 'a.tar'), entries, blobs, signal);
  return await readFile(join(dir.path, 'a.tar'));
}

test('a plain tar program reads it', async () => {
  await using dir = await tempDir();
  await writeFile(join(dir.path, 'a.tar'), await goodBytes());
  const listed = execFileSync('tar', ['tf', join(dir.path, 'a.tar')], { encoding: 'utf8' });
  expect(listed).toBe(`tasks.jsonl\nblobs/${sha256(content)}\n`);
});

const tar = (...members: [string, string | Buffer][]): Buffer =>
  Buffer.concat([
    ...members.flatMap(([name, data]) => {
      const bytes = Buffer.from(data);
      return [tarHeader(name, bytes.length), bytes, tarPadding(bytes.length)];
    }),
    Buffer.alloc(1024),
  ]);
const line = `${canonicalJson(task)}\n`;
const blobName = `blobs/${sha256(content)}`;
const changed = (bytes: Buffer, offset: number, value: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[offset] = value;
  return copy;
};

test.each<[string, () => Buffer | Promise<Buffer>, string]>([
  ['cut short', async () => (await goodBytes()).subarray(0, 900), 'CorruptArtifact'],
  ['cut by one block', async () => (await goodBytes()).subarray(0, -512), 'CorruptArtifact'],
  [
    'bytes after the end',
    async () => Buffer.concat([await goodBytes(), Buffer.alloc(512)]),
    'CorruptArtifact',
  ],
  ['another owner', async () => changed(await goodBytes(), 114, 0x31), 'CorruptArtifact'],
  ['another mode', async () => changed(await goodBytes(), 105, 0x37), 'CorruptArtifact'],
  ['a symbolic link entry', async () => changed(await goodBytes(), 156, 0x32), 'CorruptArtifact'],
  ['a hard link entry', async () => changed(await goodBytes(), 156, 0x31), 'CorruptArtifact'],
  ['an extended header', async () => changed(await goodBytes(), 156, 0x78), 'CorruptArtifact'],
  [
    'padding with contents',
    async () => changed(await goodBytes(), 512 + line.length, 1),
    'CorruptArtifact',
  ],
  [
    'an escaping name',
    () => tar(['tasks.jsonl', line], ['../../etc/passwd', content]),
    'CorruptArtifact',
  ],
  ['blobs first', () => tar([blobName, content], ['tasks.jsonl', line]), 'CorruptArtifact'],
  [
    'a blob twice',
    () => tar(['tasks.jsonl', line], [blobName, content], [blobName, content]),
    'CorruptArtifact',
  ],
  ['a blob missing', () => tar(['tasks.jsonl', line]), 'CorruptArtifact'],
  [
    'a blob of nobody',
    () => tar(['tasks.jsonl', line], [blobName, content], [`blobs/${'f'.repeat(64)}`, '']),
    'CorruptArtifact',
  ],
  ['a blob of another size', () => tar(['tasks.jsonl', line], [blobName, 'x']), 'CorruptArtifact'],
  ['a task twice', () => tar(['tasks.jsonl', line + line], [blobName, content]), 'CorruptArtifact'],
  ['a row that is no JSON', () => tar(['tasks.jsonl', '{\n']), 'CorruptArtifact'],
  ['a row that is no task', () => tar(['tasks.jsonl', '{"id":1}\n']), 'CorruptArtifact'],
  [
    'a row in another form',
    () => tar(['tasks.jsonl', `${JSON.stringify(task)}\n`], [blobName, content]),
    'CorruptArtifact',
  ],
  [
    'a row without an end',
    () => tar(['tasks.jsonl', line.trim()], [blobName, content]),
    'CorruptArtifact',
  ],
  [
    'an escaping input',
    () =>
      tar(
        [
          'tasks.jsonl',
          `${canonicalJson({ ...task, workspace: { path: '/w', inputs: [{ path: '../x', digest: sha256(content), size: 9, executable: false, mode: 'protected' }] } })}\n`,
        ],
        [blobName, content],
      ),
    'CorruptArtifact',
  ],
  [
    'deep nesting',
    () => tar(['tasks.jsonl', `${'['.repeat(5000)}${']'.repeat(5000)}\n`]),
    'CorruptArtifact',
  ],
  ['nothing', () => Buffer.alloc(0), 'CorruptArtifact'],
])('refuses a file with %s', async (_name, make, code) => {
  await using dir = await tempDir();
  await writeFile(join(dir.path, 'a.tar'), await make());
  await expect(openTaskSet(join(dir.path, 'a.tar'), signal)).rejects.toMatchObject({ code });
});

const input = (path: string, size = 9): Task['workspace']['inputs'][number] => ({
  path,
  size,
  digest: sha256(content),
  executable: false,
  mode: 'protected',
});
const withInputs = (...inputs: Task['workspace']['inputs']): Task => ({
  ...task,
  workspace: { path: '/w', inputs },
});

test.each<[string, Task, string]>([
  ['an input twice', withInputs(input('x'), input('x')), 'it appears twice'],
  ['names that differ in case', withInputs(input('x'), input('X')), 'clashes with "x"'],
  ['a file in the place of a folder', withInputs(input('x'), input('x/y')), 'not both'],
  [
    'one blob in more files than a task has',
    withInputs(...Array.from({ length: 10_001 }, (_, index) => input(`f${index}`))),
    'at most 10000 files a task',
  ],
  [
    'one blob laid out again and again',
    withInputs(...Array.from({ length: 9 }, (_, index) => input(`f${index}`, 8_000_000))),
    'at most 67108864 bytes a task',
  ],
  [
    'an entry that is no file',
    { ...task, ...(task.verifier && { verifier: { ...task.verifier, entry: 'other.py' } }) },
    "one of the verifier's files",
  ],
  ['a script that is no file', { ...task, solution: { files: [], script: 's.sh' } }, 'solution'],
])('refuses a task with %s and names row and field', async (_name, bad, text) => {
  await using dir = await tempDir();
  const rows = `${line}${canonicalJson({ ...bad, id: 'b' })}\n`;
  await writeFile(join(dir.path, 'a.tar'), tar(['tasks.jsonl', rows], [blobName, content]));
  await expect(openTaskSet(join(dir.path, 'a.tar'), signal)).rejects.toMatchObject({
    code: 'CorruptArtifact',
    message: expect.stringMatching(/a\.tar: tasks\.jsonl, row 2, \w/),
  });
  await expect(openTaskSet(join(dir.path, 'a.tar'), signal)).rejects.toThrow(text);
});

test('refuses rows that are not UTF-8', async () => {
  await using dir = await tempDir();
  const rows = Buffer.from(line.replace('"text":"x"', '"text":"\ufffd"'), 'utf8');
  const at = rows.indexOf('\ufffd');
  const broken = Buffer.concat([rows.subarray(0, at), Buffer.from([0xff]), rows.subarray(at + 3)]);
  await writeFile(join(dir.path, 'a.tar'), tar(['tasks.jsonl', broken], [blobName, content]));
  await expect(openTaskSet(join(dir.path, 'a.tar'), signal)).rejects.toThrow(
    'tasks.jsonl is not UTF-8 text',
  );
});

test('a blob with other contents than its name is found when it is read', async () => {
  await using dir = await tempDir();
  await writeFile(join(dir.path, 'a.tar'), tar(['tasks.jsonl', line], [blobName, 'print(99)']));
  const set = await openTaskSet(join(dir.path, 'a.tar'), signal);
  await expect(set.blobs.read(sha256(content))).rejects.toMatchObject({ code: 'CorruptArtifact' });
  await expect(set.blobs.read(asSha256('0'.repeat(64)))).rejects.toMatchObject({
    code: 'NotFound',
  });
  await set.close();
});

test('sizes are checked before reading', async () => {
  await using dir = await tempDir();
  await writeFile(join(dir.path, 'a.tar'), await goodBytes());
  const limits = { fileBytes: 1e6, tasksBytes: 10, blobBytes: 10, tasks: 1 };
  await expect(openTaskSet(join(dir.path, 'a.tar'), signal, limits)).rejects.toMatchObject({
    code: 'TooLarge',
  });
});

test('a failed write leaves neither the file nor a part of it', async () => {
  await using dir = await tempDir();
  const file = join(dir.path, 'a.tar');
  await expect(writeTaskSet(file, entries, new MemoryBlobs(), signal)).rejects.toMatchObject({
    code: 'NotFound',
  });
  expect(await readdir(dir.path)).toEqual([]);
});

test('a link at the target is replaced, not followed', async () => {
  await using dir = await tempDir();
  await mkdir(join(dir.path, 'other'));
  await writeFile(join(dir.path, 'other/kept'), 'kept');
  await symlink(join(dir.path, 'other/kept'), join(dir.path, 'a.tar'));
  await writeTaskSet(join(dir.path, 'a.tar'), entries, blobs, signal);
  expect(await readFile(join(dir.path, 'other/kept'), 'utf8')).toBe('kept');
});
