import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Everything of the repository that the recipe can read, as `Dockerfile.dockerignore` lets through. */
const INPUTS = [
  'deploy/images',
  'operator',
  'package-lock.json',
  'package.json',
  'scripts/build.ts',
  'scripts/root-digest.ts',
  'src',
  'tsconfig.json',
];
const EXECUTABLE = 0o111;

/** Digest over paths and contents of the inputs of the images, as hex. */
export async function inputsDigest(root: string): Promise<string> {
  const hash = createHash('sha256');
  for (const input of INPUTS) {
    for (const path of await filesBelow(root, input)) {
      const { mode } = await stat(join(root, path));
      const content = createHash('sha256').update(await readFile(join(root, path)));
      const executable = (mode & EXECUTABLE) === 0 ? '-' : 'x';
      hash.update(`${path}\0${executable}\0${content.digest('hex')}\n`);
    }
  }
  return hash.digest('hex');
}

/**
 * Copies the inputs, so that a build of several images sees one state of them while people go on
 * writing, and its digest is that of what was built. Modes are what they are in every checkout: else
 * the same commit would give other layers where files were made under another umask.
 */
export async function copyInputs(root: string, target: string): Promise<void> {
  for (const input of INPUTS) {
    for (const path of await filesBelow(root, input)) {
      await mkdir(dirname(join(target, path)), { recursive: true });
      await cp(join(root, path), join(target, path));
    }
  }
  for (const entry of await readdir(target, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const open = entry.isDirectory() || ((await stat(path)).mode & EXECUTABLE) !== 0;
    await chmod(path, open ? 0o755 : 0o644);
  }
}

async function filesBelow(root: string, path: string): Promise<readonly string[]> {
  if ((await stat(join(root, path))).isFile()) return [path];
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((name) => !name.endsWith('.test.ts') && !name.includes('__pycache__'))
    .toSorted();
}
