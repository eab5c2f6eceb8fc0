import type { Parsed } from '../answers/extract-json.ts';
import { fileBlocks, type WrittenFile } from '../answers/file-blocks.ts';
import { VERIFIER_ENTRY } from '../candidate.ts';
import { askFor } from './ask.ts';
import { fileText, specification } from './describe.ts';
import { draftOf } from './draft-of.ts';
import type { RunStage } from './stage.ts';

/** The code verifier, from the specification and the files: the solution is not shown. */
export const verifierStage: RunStage = (input, context) =>
  askFor(
    input,
    {
      stage: 'verifier',
      prompt: 'verifier',
      role: 'generator',
      values: {
        specification: specification(draftOf(input.data)),
        files: fileText(input.data.files),
      },
      parse: parseVerifier,
    },
    context,
    (verifier, data) => ({ kind: 'passed', data: { ...data, verifier: [...verifier] } }),
  );

export function parseVerifier(text: string): Parsed<readonly WrittenFile[]> {
  const blocks = fileBlocks(text);
  if (blocks.ok && !blocks.value.some(({ path }) => path === VERIFIER_ENTRY))
    return { ok: false, problem: `the file ${VERIFIER_ENTRY} is not in it` };
  return blocks;
}
