import type { Parsed } from '../answers/extract-json.ts';
import { fileBlocks, type WrittenFile } from '../answers/file-blocks.ts';
import { askFor } from './ask.ts';
import { fileText, specification } from './describe.ts';
import { draftOf } from './draft-of.ts';
import type { RunStage } from './stage.ts';

/** The reference solution: finished files, or a script that makes them. */
export const solutionStage: RunStage = (input, context) =>
  askFor(
    input,
    {
      stage: 'solution',
      prompt: 'solution',
      role: 'generator',
      values: {
        specification: specification(draftOf(input.data)),
        files: fileText(input.data.files),
      },
      parse: parseSolution,
    },
    context,
    (solution, data) => ({ kind: 'passed', data: { ...data, solution: [...solution] } }),
  );

export function parseSolution(text: string): Parsed<readonly WrittenFile[]> {
  const blocks = fileBlocks(text);
  if (blocks.ok && blocks.value.length === 0)
    return { ok: false, problem: 'there is no file block in it' };
  return blocks;
}
