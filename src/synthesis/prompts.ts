import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClawError } from '../base/error.ts';

/** The prompts in use, each with its version: a change of a text is a new file and a new number. */
export const PROMPT_VERSIONS = {
  'draft-persona': 1,
  'draft-skill': 1,
  resources: 1,
  solution: 1,
  verifier: 1,
  'repair-verifier': 1,
  'repair-solution': 1,
  rubric: 1,
  judge: 1,
} as const;
export type PromptName = keyof typeof PROMPT_VERSIONS;

/** `draft-persona.v1`, as provenance names it. */
export const promptId = (name: PromptName): string => `${name}.v${PROMPT_VERSIONS[name]}`;

export type Prompts = ReadonlyMap<PromptName, string>;

/** Throws `Conflict` for a name that this version has no prompt of. */
export function promptNamed(name: string): PromptName {
  const known = promptNames().find((each) => each === name);
  if (known !== undefined) return known;
  throw new ClawError(
    'Conflict',
    `no stage of this version asks with a prompt ${JSON.stringify(name)}; the job was planned by another one`,
  );
}

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'prompts');

/** Reads every prompt in use from its versioned file. */
export async function loadPrompts(folder: string = FOLDER): Promise<Prompts> {
  const prompts = new Map<PromptName, string>();
  for (const name of promptNames()) {
    prompts.set(name, await readFile(join(folder, `${promptId(name)}.md`), 'utf8'));
  }
  return prompts;
}

function promptNames(): readonly PromptName[] {
  const names: readonly PromptName[] = [
    ...(['draft-persona', 'draft-skill', 'resources', 'solution', 'verifier'] as const),
    ...(['repair-verifier', 'repair-solution', 'rubric', 'judge'] as const),
  ];
  return names;
}

const PLACE = /\{\{([a-zA-Z]+)\}\}/g;

/**
 * A prompt with its places filled in, in one pass: what a value holds is never a place itself. Throws
 * `Internal` where prompt and values do not fit.
 */
export function renderPrompt(
  prompts: Prompts,
  name: PromptName,
  values: Readonly<Record<string, string>>,
): string {
  const text = prompts.get(name);
  if (text === undefined) throw new ClawError('Internal', `no prompt ${name}`);
  return text.replaceAll(PLACE, (_place, key: string) => {
    const value = values[key];
    if (value === undefined) throw new ClawError('Internal', `prompt ${name} has no ${key}`);
    return value;
  });
}
