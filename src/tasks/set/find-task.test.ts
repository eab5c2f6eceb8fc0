import { expect, test } from 'vitest';
import { collected } from '../../../test/support/collected.ts';
import { sha256 } from '../../base/digest.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import { TASK_SCHEMA, type Task, zTask } from '../task.ts';
import { taskDigest } from '../task-digest.ts';
import { findTask } from './find-task.ts';
import { tarHeader } from './tar-header.ts';
import { taskSetBytes } from './task-set-bytes.ts';

const content = Buffer.from('line\nline\n');
const blobs = new MemoryBlobs();
const input = { path: 'a', mode: 'protected', digest: blobs.put(content), size: content.length };
const aTask = (id: string, text: string): Task =>
  zTask.parse({
    ...{ schema: TASK_SCHEMA, id, instruction: { turns: [{ text }] } },
    workspace: { path: '/w', inputs: [input] },
  });
const tasks = ['a', 'b', 'c'].map((id) => aTask(id, `Do "a", then "b": ${'x'.repeat(300)}`));
const entries = tasks.map((task) => ({ task, digest: taskDigest(task) }));
const MAX = 1_000_000;

async function setBytes(): Promise<Buffer> {
  return Buffer.concat(await collected(taskSetBytes(entries, blobs, new AbortController().signal)));
}

/** In pieces of this size; counts those that were taken. */
async function* pieces(bytes: Buffer, size: number, taken: number[] = []) {
  for (let at = 0; at < bytes.length; at += size) {
    taken.push(at);
    yield bytes.subarray(at, at + size);
  }
}

test.each([1, 7, 512, 600, 100_000])('finds each task in pieces of %d bytes', async (size) => {
  const bytes = await setBytes();
  for (const { task, digest } of entries) {
    const found = await findTask(pieces(bytes, size), { id: task.id, digest }, MAX);
    expect(found).toEqual({ task, digest });
  }
});

test('reads nothing behind the task that is wanted', async () => {
  const bytes = await setBytes();
  const taken: number[] = [];
  const [first] = entries;
  await findTask(pieces(bytes, 100, taken), { id: 'a', digest: first?.digest ?? sha256('') }, MAX);
  const end = bytes.indexOf('\n');
  expect(taken.at(-1)).toBeLessThanOrEqual(end);
  expect(taken.at(-1)).toBeGreaterThan(end - 100);
});

test('takes no task for another one with the same id, and looks for none among the files', async () => {
  const bytes = await setBytes();
  const other = sha256('another task a');
  expect(await findTask(pieces(bytes, 64), { id: 'a', digest: other }, MAX)).toBeUndefined();
});

const cut = tarHeader('tasks.jsonl', 10_000);
const long = Buffer.concat([tarHeader('tasks.jsonl', 3), content]);
test.each<[string, Buffer, number, string, string]>([
  ['other bytes', Buffer.from('a\nb\n'), MAX, 'CorruptArtifact', 'its first entry is not'],
  ['nothing', Buffer.alloc(0), MAX, 'CorruptArtifact', 'ends before its tasks do'],
  ['a cut set', Buffer.concat([cut, Buffer.from('{}\n')]), MAX, 'CorruptArtifact', 'ends before'],
  ['a row longer than its entry', long, MAX, 'CorruptArtifact', 'its tasks have no end'],
  ['a row without an end', Buffer.alloc(5000, 'x'), 4000, 'TooLarge', 'first 4000 bytes'],
])('says what is wrong with %s', async (_what, bytes, max, code, message) => {
  const found = findTask(pieces(bytes, 100), { id: 'z', digest: sha256('z') }, max);
  await expect(found).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as unknown,
  });
});
