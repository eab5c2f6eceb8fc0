import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { MemoryBlobs } from '../../tasks/memory-blobs.ts';
import { TASK_SCHEMA, zTask } from '../../tasks/task.ts';
import { taskDigest } from '../../tasks/task-digest.ts';
import { TaskSetShelf } from './task-set-shelf.ts';

const CHECK = Buffer.from('print({})');
/** More than half of what the shelf keeps. */
const TEXT = 'x'.repeat(600);
const blobs = new MemoryBlobs();
const check = blobs.put(CHECK);
const signal = new AbortController().signal;

function entriesOf(id: string) {
  const task = zTask.parse({
    schema: TASK_SCHEMA,
    id,
    instruction: { turns: [{ text: TEXT }] },
    workspace: { path: '/w', inputs: [] },
    verifier: {
      dialect: 'check-json',
      entry: 'check.py',
      agentCode: 'none',
      files: [{ path: 'check.py', digest: check, size: CHECK.length }],
    },
  });
  return [{ task, digest: taskDigest(task) }];
}

let artifacts: MemoryArtifacts;
let shelf: TaskSetShelf;
let folder: string;
beforeEach(async () => {
  artifacts = new MemoryArtifacts();
  const { path, [Symbol.asyncDispose]: dispose } = await tempDir();
  onTestFinished(() => dispose());
  folder = path;
  const bounds = { keptBytes: 2 * TEXT.length };
  shelf = new TaskSetShelf({ artifacts, folder, newName: () => randomUUID(), signal, ...bounds });
});

test('the set that was used last is in memory, whoever asks', async () => {
  const a = await shelf.store(entriesOf('a'), blobs);
  expect(await shelf.get(a.digest)).toBe(a);
});

test('sets beyond the bound are let go of, and serve on who holds them', async () => {
  const a = await shelf.store(entriesOf('a'), blobs);
  const b = await shelf.store(entriesOf('b'), blobs);
  expect(await shelf.get(b.digest)).toBe(b);
  const again = await shelf.get(a.digest);
  expect(again).not.toBe(a);
  expect(again).toMatchObject({ digest: a.digest, tasks: a.tasks });
  for (const set of [a, b, again]) {
    expect(Buffer.from(await set.blobs.read(check))).toEqual(CHECK);
  }
});

test('all who ask for a set at once get the same, read once', async () => {
  const { digest } = await shelf.store(entriesOf('a'), blobs);
  await shelf.store(entriesOf('b'), blobs);
  const sets = await Promise.all([shelf.get(digest), shelf.get(digest), shelf.get(digest)]);
  expect(new Set(sets).size).toBe(1);
});

test('a set whose artifact was swept is nobody’s any more', async () => {
  const { digest } = await shelf.store(entriesOf('a'), blobs);
  artifacts.contents.delete(digest);
  await shelf.tidy();
  await expect(shelf.get(digest)).rejects.toMatchObject({ code: 'NotFound' });
});

test('of an artifact that is no task set, or breaks off on its way, no copy stays', async () => {
  const { digest } = await artifacts.put(Buffer.from('somebody’s output'));
  await expect(shelf.get(digest)).rejects.toMatchObject({ code: 'CorruptArtifact' });
  const broken = new Readable({ read: () => broken.destroy(new Error('the disk is gone')) });
  artifacts.stream = () => Promise.resolve(broken);
  await expect(shelf.get(digest)).rejects.toThrow('the disk is gone');
  expect(await readdir(folder)).toEqual([]);
});
