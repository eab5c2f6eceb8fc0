import { lstat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { terminalText } from '../../base/plain-text.ts';
import { fieldError } from './import-problem.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { listNames, notUtf8 } from './read-tree.ts';

/**
 * Imports one task folder, or a root that holds task folders. Files and hidden folders of a root that
 * are no tasks are left out by name; a link in it is a failure.
 *
 * @param mark Name of the file that makes a folder a task.
 */
export async function* importTaskFolders(
  path: string,
  mark: string,
  importOne: (path: string, name: string) => AsyncIterable<ImportStep>,
  { signal }: Pick<ImportOptions, 'signal'>,
): AsyncGenerator<ImportStep> {
  // "." has a name too.
  const own = basename(resolve(path));
  const { entries, unnamed } = await listNames(path, own);
  if (entries.some(({ name }) => name === mark)) {
    yield* importOne(path, own);
    return;
  }
  for (const name of unnamed) {
    const place = { file: terminalText(name) };
    yield { place, failed: notUtf8('name', name) };
  }
  for (const { name, kind } of entries) {
    signal.throwIfAborted();
    if (kind === 'folder' && name.startsWith('.') && !(await holds(join(path, name), mark)))
      yield { place: { file: name }, warning: 'not a task folder; left out' };
    else if (kind === 'folder') yield* importOne(join(path, name), name);
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

async function holds(folder: string, mark: string): Promise<boolean> {
  return (await lstat(join(folder, mark)).catch(() => undefined)) !== undefined;
}
