import { z } from 'zod';
import { extractJson, type Parsed } from '../answers/extract-json.ts';
import { askFor } from './ask.ts';
import { fileText, specification } from './describe.ts';
import { issuesOf } from './draft.ts';
import { draftOf } from './draft-of.ts';
import type { RunStage } from './stage.ts';

const zFlag = z.object({ found: z.boolean(), reason: z.string().max(4000).default('') });
const zJudgement = z.object({
  factual_error: zFlag,
  answer_leak: zFlag,
  unsolvable: zFlag,
  unstated_check: zFlag,
});
type Judgement = z.infer<typeof zJudgement>;

/** Reasons of rejection by flag, in the order in which they are looked at. */
const FLAGS: readonly (readonly [keyof Judgement, string])[] = [
  ['unsolvable', 'Unsolvable'],
  ['factual_error', 'FactualError'],
  ['answer_leak', 'AnswerLeak'],
  ['unstated_check', 'UnstatedCheck'],
];

/** Another model looks at the whole task, its files included; difficulty is no fault. */
export const judgeStage: RunStage = (input, context) =>
  askFor(
    input,
    {
      stage: 'judge',
      prompt: 'judge',
      role: 'judge',
      values: {
        specification: specification(draftOf(input.data)),
        files: fileText(input.data.files),
        verifier: fileText(input.data.verifier),
      },
      parse: parseJudgement,
    },
    context,
    (judgement, data) => {
      const [flag, reason] = FLAGS.find(([name]) => judgement[name].found) ?? [];
      if (flag === undefined || reason === undefined) return { kind: 'passed', data };
      const message = `the judge: ${judgement[flag].reason || flag}`;
      return { kind: 'rejected', data, reason, message };
    },
  );

function parseJudgement(text: string): Parsed<Judgement> {
  const json = extractJson(text);
  if (!json.ok) return json;
  const parsed = zJudgement.safeParse(json.value);
  return parsed.success
    ? { ok: true, value: parsed.data }
    : { ok: false, problem: issuesOf(parsed.error) };
}
