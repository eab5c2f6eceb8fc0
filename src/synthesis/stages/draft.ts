import { z } from 'zod';
import { zSafePath } from '../../tasks/task-paths.ts';
import { extractJson, type Parsed } from '../answers/extract-json.ts';
import type { Draft } from '../record.ts';
import type { Sample } from '../sample.ts';
import { askFor } from './ask.ts';
import type { RunStage } from './stage.ts';

const zAnswer = z.object({
  title: z.string().trim().min(1).max(200),
  instruction: z.string().trim().min(20).max(16_000),
  files: z
    .array(z.object({ path: zSafePath, purpose: z.string().max(1000) }))
    .max(20)
    .default([]),
  outputs: z.array(zSafePath).min(1).max(20),
  expected: z.array(z.string().trim().min(1).max(1000)).min(1).max(40),
  difficulty: z.int().min(1).max(5),
});

/** What is to be done: written from the sample. */
export const draftStage: RunStage = (input, context) => {
  const { sample } = input.data;
  return askFor(
    input,
    {
      stage: 'draft',
      prompt: sample.route === 'persona' ? 'draft-persona' : 'draft-skill',
      role: 'generator',
      values: valuesOf(sample),
      parse: parseDraft,
    },
    context,
    (draft, data) => ({ kind: 'passed', data: { ...data, draft } }),
  );
};

/** As far as possible by field: the sentence goes back to the model. */
export function parseDraft(text: string): Parsed<Draft> {
  const json = extractJson(text);
  if (!json.ok) return json;
  const parsed = zAnswer.safeParse(json.value);
  if (!parsed.success) return { ok: false, problem: issuesOf(parsed.error) };
  const { outputs, files, instruction } = parsed.data;
  const given = new Set(files.map(({ path }) => path));
  const unnamed = outputs.find((path) => !instruction.includes(path));
  if (unnamed !== undefined)
    return { ok: false, problem: `outputs: the instruction does not name ${unnamed}` };
  if (given.size < files.length) return { ok: false, problem: 'files: a path comes twice' };
  return { ok: true, value: parsed.data };
}

export function issuesOf(error: z.ZodError): string {
  const [first, ...more] = error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the object'}: ${message}`,
  );
  return [first ?? 'not the asked form', ...more.slice(0, 2)].join('; ');
}

const MAX_BODY = 30_000;

function valuesOf(sample: Sample): Record<string, string> {
  const { category } = sample;
  const common = { category: `${category.group}: ${category.name}` };
  if (sample.route === 'persona') {
    const operations = sample.operations.map(({ name }) => `- ${name}`).join('\n');
    return { ...common, persona: sample.persona.text, operations };
  }
  const skills = [sample.primary, ...sample.supporting].map(
    ({ id, description, body }) => `## Skill ${id}\n${description}\n\n${body.slice(0, MAX_BODY)}`,
  );
  return { ...common, skills: skills.join('\n\n') };
}
