import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { makeFolders } from './make-folders.ts';

test('makes a folder with its parents, and again', async () => {
  await using dir = await tempDir();
  const deep = join(dir.path, 'a/b/c');
  makeFolders(deep);
  makeFolders(deep);
  expect(statSync(deep).isDirectory()).toBe(true);
});

test.each(['/proc/clawgym-no-such/out', '/dev/null/out'])(
  'refuses %s at once and names the folder',
  (path) => {
    expect(() => makeFolders(path)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(path.split('/')[1] ?? '') }),
    );
  },
);

test('refuses a path below a file', async () => {
  await using dir = await tempDir();
  writeFileSync(join(dir.path, 'file'), '');
  expect(() => makeFolders(join(dir.path, 'file/out'))).toThrow();
});

test('a file on the way is named', async () => {
  await using dir = await tempDir();
  writeFileSync(join(dir.path, 'file'), '');
  expect(() => makeFolders(join(dir.path, 'file'))).toThrow(
    'file is no folder; name another place',
  );
  expect(() => makeFolders(join(dir.path, 'file/a/b'))).toThrow(/file is no folder; name/);
});
