import { chmod, cp, mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../support/temp-dir.ts';
import { copyInputs, inputsDigest } from './recipe-inputs.ts';

const FILES = {
  'deploy/images/Dockerfile': 'FROM scratch',
  'operator/main.ts': '1',
  'package-lock.json': '{}',
  'package.json': '{}',
  'scripts/build.ts': '2',
  'scripts/root-digest.ts': '3',
  'src/cli/main.ts': '4',
  'tsconfig.json': '{}',
};

async function modesOf(folder: string): Promise<readonly string[]> {
  const paths = ['cli', 'cli/main.ts'].map((path) => stat(join(folder, path)));
  return (await Promise.all(paths)).map(({ mode }) => (mode & 0o777).toString(8));
}

test('changes with what an image may hold and with nothing else', async () => {
  await using folder = await tempDir();
  const root = join(folder.path, 'one');
  const write = async (path: string, content: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  };
  for (const [path, content] of Object.entries(FILES)) await write(path, content);
  const first = await inputsDigest(root);

  await write('src/cli/main.test.ts', 'a test');
  await write('scripts/other.ts', 'a script');
  await utimes(join(root, 'package.json'), 1, 1);
  await cp(root, join(folder.path, 'two'), { recursive: true });
  expect(await inputsDigest(root)).toBe(first);
  expect(await inputsDigest(join(folder.path, 'two'))).toBe(first);
  await chmod(join(root, 'src/cli/main.ts'), 0o600);
  await chmod(join(root, 'src/cli'), 0o700);
  await copyInputs(root, join(folder.path, 'three'));
  expect(await modesOf(join(folder.path, 'three/src'))).toEqual(['755', '644']);
  expect(await inputsDigest(join(folder.path, 'three'))).toBe(first);

  for (const change of [
    () => write('src/cli/main.ts', '5'),
    () => write('src/new.py', ''),
    () => chmod(join(root, 'src/new.py'), 0o755),
    () => rm(join(root, 'src/new.py')),
  ]) {
    const before = await inputsDigest(root);
    await change();
    expect(await inputsDigest(root)).not.toBe(before);
  }
});
