import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ClawError } from '../base/error.ts';
import { makeFolders } from '../base/make-folders.ts';

/**
 * The file that a command writes for `--out`: that path, or `name` in it where it is a folder or ends
 * with a slash. The folders above it are made. Throws `InvalidInput` for no path, `StoreUnavailable`
 * where a folder cannot be made.
 */
export async function fileToWrite(out: string, name: string): Promise<string> {
  const path = outPath(out);
  const folder = path.endsWith('/') || (await isFolder(path));
  const file = folder ? join(path, name) : path;
  makeFolders(dirname(resolve(file)));
  return file;
}

/** What `--out` names, if it names anything. */
export function outPath(out: string): string {
  if (out.trim() === '')
    throw new ClawError('InvalidInput', '--out: got "", expected a file or folder to write');
  return out;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
