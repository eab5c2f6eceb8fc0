import { join } from 'node:path';
import { z } from 'zod';
import { isRecord } from '../../base/brand.ts';
import type { DraftFile, TaskDraft } from '../task-draft.ts';
import { draftOfClawGym } from './clawgym-entry.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError, parseField } from './import-problem.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { decodeText, parseJsonText } from './parse-document.ts';
import { listFolder, newReadBudget, readBoundedFile, readTree } from './read-tree.ts';
import { importTaskFolders } from './task-folders.ts';

const ENTRY = 'data_entry.json';
const FOLDERS = ['input_files', 'reward', 'solution', 'environment'] as const;

/** A task folder in memory, by its parts. */
export interface ClawGymFolder {
  readonly name: string;
  readonly entry: Uint8Array;
  readonly files: Readonly<Record<(typeof FOLDERS)[number], readonly DraftFile[]>>;
}

/** Imports one task folder, or a root that holds task folders. */
export async function* importClawGymDirectory(
  path: string,
  options: ImportOptions,
): AsyncGenerator<ImportStep> {
  const one = (folder: string, name: string) => importOne(folder, name, options);
  yield* importTaskFolders(path, ENTRY, one, options);
}

async function* importOne(
  path: string,
  name: string,
  options: ImportOptions,
): AsyncGenerator<ImportStep> {
  const place = { file: name };
  try {
    const budget = newReadBudget();
    const listed = await listFolder(path, name);
    const folder = (part: string): Promise<DraftFile[]> =>
      listed.some((entry) => entry.name === part)
        ? readTree(join(path, part), part, options.limits, budget)
        : Promise.resolve([]);
    const link = listed.find(({ kind }) => kind === 'link' || kind === 'special');
    if (link)
      throw fieldError(
        'UnsafePath',
        link.name,
        'a link or special file',
        'regular files and folders',
      );
    const entry = await readBoundedFile(
      join(path, ENTRY),
      ENTRY,
      options.limits,
      budget,
      options.limits.metadataBytes,
    );
    const files = {
      input_files: await folder('input_files'),
      reward: await folder('reward'),
      solution: await folder('solution'),
      environment: await folder('environment'),
    };
    for (const { name: other } of listed) {
      if (other !== ENTRY && !FOLDERS.some((known) => known === other)) {
        yield {
          place: { file: `${name}/${other}` },
          warning: 'not part of a ClawGym task; left out',
        };
      }
    }
    const draft = draftOfClawGymFolder({ name, entry: entry.content, files }, options.limits);
    yield { place: { ...place, task: draft.id }, draft };
  } catch (failed) {
    options.signal.throwIfAborted();
    yield { place, failed };
  }
}

const zDataEntry = z.looseObject({
  user_query: z.string().min(1),
  metadata: z.record(z.string(), z.unknown()),
});

export function draftOfClawGymFolder(folder: ClawGymFolder, limits: ImportLimits): TaskDraft {
  const value = parseJsonText(decodeText(folder.entry, ENTRY), ENTRY, limits);
  if (!isRecord(value)) throw fieldError('InvalidTask', ENTRY, value, 'a JSON object');
  const fields = parseField(zDataEntry, value);
  return draftOfClawGym({
    fields: value,
    prompt: fields.user_query,
    fallbackId: folder.name,
    inputs: folder.files.input_files,
    inputsBelowMount: true,
    reward: folder.files.reward,
    publicForm: false,
    solution: folder.files.solution,
    build: folder.files.environment,
    provenance: { format: 'clawgym-directory', source: folder.name },
  });
}
