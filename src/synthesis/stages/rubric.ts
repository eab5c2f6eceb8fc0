import { z } from 'zod';
import { zSafePath } from '../../tasks/task-paths.ts';
import { extractJson, type Parsed } from '../answers/extract-json.ts';
import type { RubricRule } from '../record.ts';
import { askFor } from './ask.ts';
import { fileText, specification } from './describe.ts';
import { issuesOf } from './draft.ts';
import { draftOf } from './draft-of.ts';
import type { RunStage } from './stage.ts';

const zBand = z.string().trim().min(1).max(2000);
const zRules = z.object({
  rules: z
    .array(
      z.object({
        name: z.string().trim().min(1).max(200),
        path: zSafePath,
        anchors: z.object({ '0': zBand, '0.25': zBand, '0.5': zBand, '0.75': zBand, '1': zBand }),
      }),
    )
    .max(5),
});

/** Rules for what code cannot check; none where nothing is left. */
export const rubricStage: RunStage = async (input, context) => {
  if (!context.rubric) return { kind: 'passed', data: input.data };
  return await askFor(
    input,
    {
      stage: 'rubric',
      prompt: 'rubric',
      role: 'generator',
      values: {
        specification: specification(draftOf(input.data)),
        verifier: fileText(input.data.verifier),
      },
      parse: parseRubric,
    },
    context,
    (rubric, data) => ({ kind: 'passed', data: { ...data, rubric: [...rubric] } }),
  );
};

/** An empty list says: no rubric. Bands that are the same tell nothing apart. */
export function parseRubric(text: string): Parsed<readonly RubricRule[]> {
  const json = extractJson(text);
  if (!json.ok) return json;
  const parsed = zRules.safeParse(json.value);
  if (!parsed.success) return { ok: false, problem: issuesOf(parsed.error) };
  const { rules } = parsed.data;
  if (new Set(rules.map(({ name }) => name)).size < rules.length)
    return { ok: false, problem: 'rules: a name comes twice' };
  const flat = rules.find(({ anchors }) => new Set(Object.values(anchors)).size < 5);
  if (flat !== undefined)
    return { ok: false, problem: `rules: two bands of ${flat.name} say the same` };
  return { ok: true, value: rules };
}
