import { join } from 'node:path';
import type { DraftFile } from '../task-draft.ts';
import { draftOfHarbor } from './harbor-folder.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { listFolder, newReadBudget, readBoundedFile, readTree } from './read-tree.ts';
import { importTaskFolders } from './task-folders.ts';

/** Imports one Harbor task folder, or a folder of them. */
export async function* importHarbor(
  path: string,
  options: ImportOptions,
): AsyncGenerator<ImportStep> {
  const one = (folder: string, name: string) => importOne(folder, name, options);
  yield* importTaskFolders(path, 'task.toml', one, options);
}

async function* importOne(
  path: string,
  name: string,
  options: ImportOptions,
): AsyncGenerator<ImportStep> {
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
    yield { place: { ...place, task: draft.id }, draft };
  } catch (failed) {
    options.signal.throwIfAborted();
    yield { place, failed };
  }
}
