import { basename, join } from 'node:path';
import type { DraftFile } from '../task-draft.ts';
import { draftOfHarbor } from './harbor-folder.ts';
import { fieldError } from './import-problem.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { listFolder, newReadBudget, readBoundedFile, readTree } from './read-tree.ts';

/** Imports one Harbor task folder, or a folder of them. */
export async function* importHarbor(
  path: string,
  options: ImportOptions,
): AsyncGenerator<ImportStep> {
  const root = await listFolder(path, basename(path));
  if (root.some(({ name }) => name === 'task.toml')) {
    yield await importOne(path, basename(path), options);
    return;
  }
  for (const { name, kind } of root) {
    options.signal.throwIfAborted();
    if (kind === 'folder') yield await importOne(join(path, name), name, options);
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

async function importOne(path: string, name: string, options: ImportOptions): Promise<ImportStep> {
  const place = { file: name };
  const { limits } = options;
  try {
    const budget = newReadBudget();
    const names = new Set((await listFolder(path, name)).map((entry) => entry.name));
    const tree = (part: string): Promise<DraftFile[]> =>
      names.has(part) ? readTree(join(path, part), part, limits, budget) : Promise.resolve([]);
    const text = (file: string) =>
      readBoundedFile(join(path, file), file, limits, budget, limits.metadataBytes);
    const draft = draftOfHarbor(
      {
        name,
        toml: (await text('task.toml')).content,
        hasSteps: names.has('steps'),
        instruction: names.has('steps') ? new Uint8Array() : (await text('instruction.md')).content,
        environment: await tree('environment'),
        tests: await tree('tests'),
        solution: await tree('solution'),
      },
      limits,
    );
    return { place: { ...place, task: draft.id }, draft };
  } catch (failed) {
    options.signal.throwIfAborted();
    return { place, failed };
  }
}
