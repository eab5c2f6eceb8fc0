import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { zRelativePath } from '../api/fields.ts';
import { ClawError, errorMessage } from '../base/error.ts';

/** Formats that run code when they are read, and code itself. */
const REFUSED = /\.(bin|pt|pth|ckpt|pkl|pickle|py|so|dll)$/i;
const MAX_FILES = 1000;

/**
 * The files of a model folder, relative and sorted; hidden ones are left out. Throws `InvalidInput` for
 * links, for weights that are not safetensors and for code.
 */
export async function modelFiles(dir: string): Promise<readonly string[]> {
  const found: string[] = [];
  await walk(dir, '', found).catch((cause: unknown) => {
    if (cause instanceof ClawError) throw cause;
    throw new ClawError('NotFound', `model folder ${dir}: ${errorMessage(cause)}`, { cause });
  });
  return found.toSorted();
}

async function walk(root: string, folder: string, found: string[]): Promise<void> {
  for (const name of await readdir(join(root, folder))) {
    if (name.startsWith('.')) continue;
    const path = folder === '' ? name : `${folder}/${name}`;
    const stat = await lstat(join(root, path));
    if (stat.isDirectory()) await walk(root, path, found);
    else if (!stat.isFile()) throw refusal(root, path, 'is a link or no regular file');
    else if (REFUSED.test(path)) {
      throw refusal(root, path, 'can run code when it is loaded; weights are *.safetensors only');
    } else if (!zRelativePath.safeParse(path).success) {
      throw refusal(root, path, 'has a name that cannot be kept');
    } else found.push(path);
    if (found.length > MAX_FILES) {
      throw new ClawError('TooLarge', `model folder ${root} has more than ${MAX_FILES} files`);
    }
  }
}

const refusal = (root: string, path: string, why: string): ClawError =>
  new ClawError('InvalidInput', `model folder ${root}: ${path} ${why}`);
