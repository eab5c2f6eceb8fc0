import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Files } from './grading.ts';
import { sharedData } from './shared-data.ts';

const zFile = z.object({ file_path: z.string(), content: z.string().default('') });
const zRow = z.object({
  task_id: z.string(),
  prompt: z.string(),
  input_files: z.array(zFile),
  reward_files: z.array(zFile),
});
export type ClawGymRow = z.infer<typeof zRow>;

/** Rows of the shared public data; undefined where CLAWGYM_DATA does not say where they are. */
export function clawGymRows(name: 'eval' | 'train'): ClawGymRow[] | undefined {
  const folder = sharedData();
  if (folder === undefined) return undefined;
  const text = readFileSync(join(folder, `clawgym_${name}.dev.jsonl`), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => zRow.parse(JSON.parse(line)));
}

export function contents(files: ClawGymRow['input_files']): Files {
  return Object.fromEntries(files.map((file) => [file.file_path, file.content]));
}
