import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, parseManifest, requireManifest } from '../../api/parse-manifest.ts';
import { ClawError, errorMessage } from '../../base/error.ts';

/** A manifest with the file that it stands in; paths in it are relative to that. */
export interface ReadManifest {
  readonly file: string;
  readonly manifest: Manifest;
}

const MANIFEST = /\.(?:ya?ml|json)$/;

/**
 * A manifest, or every one of a folder in order of their names, as `kubectl apply -f` takes them. Throws
 * `NotFound` where there is none, `InvalidManifest` with what is wrong in one of them.
 */
export async function readManifests(path: string): Promise<readonly ReadManifest[]> {
  if (!(await isFolder(path))) return [await readOne(path)];
  const files = (await readdir(path)).filter((name) => MANIFEST.test(name)).toSorted();
  if (files.length === 0) {
    throw new ClawError(
      'NotFound',
      `${path} is a folder without a manifest; expected files *.yaml, *.yml or *.json in it`,
    );
  }
  const read = await Promise.all(files.map((name) => readOne(join(path, name), holdsForeign)));
  refuseTwins(read);
  return read;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** A file of a folder may hold other kinds alone, such as a ConfigMap of tasks. */
function holdsForeign({ foreign, problems }: Manifest): boolean {
  return foreign.length > 0 && problems.length === 0;
}

async function readOne(
  file: string,
  suffices: (manifest: Manifest) => boolean = () => false,
): Promise<ReadManifest> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  const manifest = parseManifest(text, file);
  return { file, manifest: suffices(manifest) ? manifest : requireManifest(text, file) };
}

/** Within one file the reader has seen to it. */
function refuseTwins(read: readonly ReadManifest[]): void {
  const known = new Map<string, string>();
  for (const { file, manifest } of read) {
    for (const { kind, metadata } of manifest.objects) {
      const key = `${kind}/${metadata.name} in ${metadata.namespace ?? 'default'}`;
      const other = known.get(key);
      if (other !== undefined) {
        throw new ClawError(
          'InvalidManifest',
          `${file}: ${key} stands in ${other} already; name one of them otherwise, or leave it out`,
        );
      }
      known.set(key, file);
    }
  }
}

const unreadable = (file: string, cause: unknown): ClawError =>
  new ClawError('NotFound', `manifest ${file} cannot be read: ${errorMessage(cause)}`, { cause });
