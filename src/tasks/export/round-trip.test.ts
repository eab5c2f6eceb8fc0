import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyTask } from '../../../test/support/any-task.ts';
import { finishTask } from '../finish-task.ts';
import { draftOfClawGymFolder } from '../import/clawgym-directory.ts';
import { draftOfRow } from '../import/clawgym-row.ts';
import { draftOfHarbor } from '../import/harbor-folder.ts';
import { DEFAULT_IMPORT_LIMITS } from '../import/import-limits.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import { taskDigest } from '../task-digest.ts';
import type { DraftFile, TaskDraft } from '../task-draft.ts';
import { clawGymFolder } from './clawgym-directory.ts';
import { clawGymRow } from './clawgym-jsonl.ts';
import { harborFolder } from './harbor.ts';

const options = { limits: DEFAULT_IMPORT_LIMITS, scanAgentCode: () => 'none' as const };
const digestOf = (draft: TaskDraft): string =>
  finishTask(draft, { ...options, blobs: new MemoryBlobs() }).digest;

const inFolder = (files: readonly DraftFile[], folder: string): DraftFile[] =>
  files
    .filter(({ path }) => path.startsWith(`${folder}/`))
    .map((file) => ({ ...file, path: file.path.slice(folder.length + 1) }));
const fileOf = (files: readonly DraftFile[], path: string): Uint8Array =>
  files.find((file) => file.path === path)?.content ?? new Uint8Array();

test('a task keeps its digest over a ClawGym row', async () => {
  await fc.assert(
    fc.asyncProperty(anyTask, async ({ task, blobs }) => {
      const row: unknown = JSON.parse(await clawGymRow(task, blobs, options));
      expect(digestOf(draftOfRow(row, 1, 'rows.jsonl', options.limits))).toBe(taskDigest(task));
    }),
    { numRuns: 150 },
  );
});

test('a task keeps its digest over a ClawGym folder', async () => {
  await fc.assert(
    fc.asyncProperty(anyTask, async ({ task, blobs }) => {
      const files = await clawGymFolder(task, blobs, options);
      const draft = draftOfClawGymFolder(
        {
          name: task.id,
          entry: fileOf(files, 'data_entry.json'),
          files: {
            input_files: inFolder(files, 'input_files'),
            reward: inFolder(files, 'reward'),
            solution: inFolder(files, 'solution'),
            environment: inFolder(files, 'environment'),
          },
        },
        options.limits,
      );
      expect(digestOf(draft)).toBe(taskDigest(task));
    }),
    { numRuns: 150 },
  );
});

test('a task keeps its digest over a Harbor folder, unless its only turn says nothing', async () => {
  await fc.assert(
    fc.asyncProperty(anyTask, async ({ task, blobs }) => {
      const { turns } = task.instruction;
      // The import of Harbor folders refuses an instruction of blanks, and so does the export.
      fc.pre(turns.length > 1 || turns[0]?.text.trim() !== '');
      const files = await harborFolder(task, blobs, { ...options, image: 'debian:12' });
      const draft = draftOfHarbor(
        {
          name: task.id,
          toml: fileOf(files, 'task.toml'),
          instruction: fileOf(files, 'instruction.md'),
          environment: inFolder(files, 'environment'),
          tests: inFolder(files, 'tests'),
          solution: inFolder(files, 'solution'),
          hasSteps: false,
        },
        options.limits,
      );
      expect(digestOf(draft)).toBe(taskDigest(task));
    }),
    { numRuns: 150 },
  );
});

test('what a task is made of travels with it; the file that it was read from does not', async () => {
  const [drawn] = fc.sample(anyTask, { numRuns: 1, seed: 1 });
  if (drawn === undefined) throw new Error('a task');
  const origin = { format: 'synthesis', route: 'persona', prompts: ['draft-persona.v1'] };
  const reread = async (provenance: Record<string, unknown>): Promise<unknown> => {
    const row = await clawGymRow({ ...drawn.task, provenance }, drawn.blobs, options);
    const draft = draftOfRow(JSON.parse(row), 1, 'rows.jsonl', options.limits);
    return finishTask(draft, { ...options, blobs: new MemoryBlobs() }).task.provenance;
  };
  expect(await reread(origin)).toEqual(origin);
  expect(await reread({ format: 'harbor', source: 'x', row: 9 })).toEqual({
    format: 'clawgym-jsonl',
    source: 'rows.jsonl',
    row: 1,
  });
});
