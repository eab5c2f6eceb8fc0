import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import type { InputFile } from '../tasks/task.ts';
import { findChangedInputs, inputFindings, restoreInputs } from './restore-inputs.ts';

const artifacts = new MemoryArtifacts();

async function input(path: string, content: string, mode: InputFile['mode']): Promise<InputFile> {
  const { digest, size } = await artifacts.put(Buffer.from(content));
  return { path, digest, size, executable: false, mode };
}

async function workspace(root: string): Promise<InputFile[]> {
  const inputs = [
    await input('input/a.csv', 'a,b\n1,2\n', 'protected'),
    await input('input/b.csv', 'x,y\n', 'protected'),
    await input('notes.md', '# notes\n', 'editable'),
  ];
  await mkdir(join(root, 'input'));
  for (const file of inputs) {
    await writeFile(join(root, file.path), await artifacts.read(file.digest));
  }
  return inputs;
}

test('an untouched workspace and an edited editable input are no change', async () => {
  await using dir = await tempDir();
  const inputs = await workspace(dir.path);
  await writeFile(join(dir.path, 'notes.md'), 'edited');
  expect(await findChangedInputs(dir.path, inputs)).toEqual([]);
});

test.each<[string, (root: string) => Promise<void>, 'changed' | 'deleted']>([
  [
    'same size, other bytes',
    (root) => writeFile(join(root, 'input/a.csv'), 'a,b\n1,3\n'),
    'changed',
  ],
  ['emptied', (root) => writeFile(join(root, 'input/a.csv'), ''), 'changed'],
  ['deleted', (root) => rm(join(root, 'input/a.csv')), 'deleted'],
  [
    'replaced by a link to the same bytes',
    async (root) => {
      await writeFile(join(root, 'copy'), 'a,b\n1,2\n');
      await rm(join(root, 'input/a.csv'));
      await symlink('../copy', join(root, 'input/a.csv'));
    },
    'deleted',
  ],
  [
    'its folder replaced by a file',
    async (root) => {
      await rm(join(root, 'input'), { recursive: true });
      await writeFile(join(root, 'input'), 'no folder');
    },
    'deleted',
  ],
])('finds and restores a protected input that was %s', async (_name, spoil, change) => {
  await using dir = await tempDir();
  const inputs = await workspace(dir.path);
  await spoil(dir.path);
  const changed = await findChangedInputs(dir.path, inputs);
  expect(changed[0]).toEqual({ input: inputs[0], change });
  expect(inputFindings(changed)[0]?.code).toBe(
    change === 'changed' ? 'ProtectedInputChanged' : 'ProtectedInputDeleted',
  );
  await restoreInputs(dir.path, changed, artifacts);
  expect(await readFile(join(dir.path, 'input/a.csv'), 'utf8')).toBe('a,b\n1,2\n');
  expect(await findChangedInputs(dir.path, inputs)).toEqual([]);
});

test('restoring never writes through a link that the agent planted', async () => {
  await using dir = await tempDir();
  await using outside = await tempDir();
  const inputs = await workspace(dir.path);
  await rm(join(dir.path, 'input'), { recursive: true });
  await symlink(outside.path, join(dir.path, 'input'));
  await writeFile(join(outside.path, 'a.csv'), 'host file');
  await restoreInputs(dir.path, await findChangedInputs(dir.path, inputs), artifacts);
  expect(await readFile(join(outside.path, 'a.csv'), 'utf8')).toBe('host file');
  expect(await readFile(join(dir.path, 'input/a.csv'), 'utf8')).toBe('a,b\n1,2\n');
});
