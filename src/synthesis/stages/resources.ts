import type { Parsed } from '../answers/extract-json.ts';
import { fileBlocks, type WrittenFile } from '../answers/file-blocks.ts';
import type { Draft } from '../record.ts';
import { askFor } from './ask.ts';
import { specification } from './describe.ts';
import { draftOf } from './draft-of.ts';
import type { RunStage } from './stage.ts';

/** The input files; a draft without any needs no call. */
export const resourcesStage: RunStage = async (input, context) => {
  const draft = draftOf(input.data);
  if (draft.files.length === 0) return { kind: 'passed', data: { ...input.data, files: [] } };
  return await askFor(
    input,
    {
      stage: 'resources',
      prompt: 'resources',
      role: 'generator',
      values: { specification: specification(draft) },
      parse: (text) => parseResources(text, draft),
    },
    context,
    (files, data) => ({ kind: 'passed', data: { ...data, files: [...files] } }),
  );
};

function parseResources(text: string, { files }: Draft): Parsed<readonly WrittenFile[]> {
  const blocks = fileBlocks(text);
  if (!blocks.ok) return blocks;
  const written = new Set(blocks.value.map(({ path }) => path));
  const missing = files.find(({ path }) => !written.has(path));
  if (missing !== undefined) return { ok: false, problem: `the file ${missing.path} is not in it` };
  const wanted = new Set(files.map(({ path }) => path));
  const other = blocks.value.find(({ path }) => !wanted.has(path));
  if (other !== undefined)
    return { ok: false, problem: `the file ${other.path} is none of the files that are given` };
  return blocks;
}
