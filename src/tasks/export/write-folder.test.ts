import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import type { DraftFile } from '../task-draft.ts';
import { type ExportedFolder, writeFolders } from './write-folder.ts';

const { signal } = new AbortController();
const folder = (name: string, fails?: Error): ExportedFolder => ({
  name,
  files: async (): Promise<DraftFile[]> => {
    if (fails) throw fails;
    return [{ path: 'a/b.txt', content: Buffer.from(name) }];
  },
});

test('writes every folder, and nothing else is left', async () => {
  await using dir = await tempDir();
  const out = join(dir.path, 'new/out');
  await writeFolders(out, [folder('x'), folder('y')], signal);
  expect((await readdir(out)).toSorted()).toEqual(['x', 'y']);
  expect(await readdir(join(out, 'y/a'))).toEqual(['b.txt']);
});

test('a task that cannot be written leaves no other behind', async () => {
  await using dir = await tempDir();
  await writeFile(join(dir.path, 'kept.txt'), '');
  const folders = [folder('x'), folder('y', new Error('no space')), folder('z')];
  await expect(writeFolders(dir.path, folders, signal)).rejects.toThrow('no space');
  expect(await readdir(dir.path)).toEqual(['kept.txt']);
});

test('a folder that is there stops the export before anything is written', async () => {
  await using dir = await tempDir();
  await mkdir(join(dir.path, 'y'));
  await expect(writeFolders(dir.path, [folder('x'), folder('y')], signal)).rejects.toThrow(
    /\/y: already there; remove it or choose another --out/,
  );
  expect(await readdir(dir.path)).toEqual(['y']);
});

test('a stopped export leaves nothing', async () => {
  await using dir = await tempDir();
  const stop = new AbortController();
  const stopping = {
    name: 'x',
    files: async () => {
      stop.abort();
      return [];
    },
  };
  await expect(writeFolders(dir.path, [stopping, folder('y')], stop.signal)).rejects.toThrow();
  expect(await readdir(dir.path)).toEqual([]);
});
