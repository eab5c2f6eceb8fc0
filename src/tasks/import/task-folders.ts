import { basename, join } from 'node:path';
import { fieldError } from './import-problem.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { listFolder } from './read-tree.ts';

/**
 * Imports one task folder, or a root that holds task folders. What else lies in a root is left out by
 * name, and a link in it is a failure.
 *
 * @param mark Name of the file that makes a folder a task.
 */
export async function* importTaskFolders(
  path: string,
  mark: string,
  importOne: (path: string, name: string) => AsyncIterable<ImportStep>,
  { signal }: Pick<ImportOptions, 'signal'>,
): AsyncGenerator<ImportStep> {
  const root = await listFolder(path, basename(path));
  if (root.some(({ name }) => name === mark)) {
    yield* importOne(path, basename(path));
    return;
  }
  for (const { name, kind } of root) {
    signal.throwIfAborted();
    if (kind === 'folder') yield* importOne(join(path, name), name);
    else if (kind === 'file')
      yield { place: { file: name }, warning: 'not a task folder; left out' };
    else
      yield {
        place: { file: name },
        failed: fieldError(
          'UnsafePath',
          'name',
          name,
          'a task folder (this is a link or special file)',
        ),
      };
  }
}
