import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';

/** A file that a generator owns. */
export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

/** Writes the files; returns the relative paths of those that changed. */
export async function writeGenerated(
  root: string,
  files: readonly GeneratedFile[],
): Promise<readonly string[]> {
  const changed = await findDrift(root, files);
  for (const file of files) {
    await mkdir(dirname(file.path), { recursive: true });
    await writeFile(file.path, file.content);
  }
  return changed;
}

/** Relative paths of the files whose content on disk is not what the generator makes. */
export async function findDrift(
  root: string,
  files: readonly GeneratedFile[],
): Promise<readonly string[]> {
  const drifted: string[] = [];
  for (const file of files) {
    const onDisk = await readFile(file.path, 'utf8').catch(() => undefined);
    if (onDisk !== file.content) drifted.push(relative(root, file.path));
  }
  return drifted;
}

/**
 * The whole command line of a generator: writes, or with `--check` reports drift and the command
 * that ends it. Returns the exit code.
 */
export async function runGenerator(
  root: string,
  files: readonly GeneratedFile[],
  options: { readonly check: boolean; readonly command: string },
): Promise<number> {
  if (!options.check) {
    const changed = await writeGenerated(root, files);
    for (const path of changed) console.log(`wrote ${path}`);
    console.log(`${files.length} generated files, ${changed.length} changed`);
    return 0;
  }
  const drifted = await findDrift(root, files);
  for (const path of drifted) console.error(`${path} differs from its source`);
  if (drifted.length > 0) console.error(`run: ${options.command}`);
  return drifted.length === 0 ? 0 : 1;
}
