import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import { DEFAULT_IMPORT_LIMITS } from '../../tasks/import/import-limits.ts';
import { decodeText } from '../../tasks/import/parse-document.ts';
import { parseYamlText } from '../../tasks/import/parse-yaml.ts';
import { listFolder, newReadBudget, readBoundedFile } from '../../tasks/import/read-tree.ts';
import type { Skill } from './seed-set.ts';

/** Agent Skills: the folder's name is the skill's, both in lower case with dashes. */
const zFrontMatter = z.looseObject({
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected lower-case letters, digits and single dashes')
    .max(64),
  description: z.string().trim().min(1).max(1024),
});

const FRONT_MATTER = /^---\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;

/**
 * Skills in the Agent Skills format: every folder below `folder` that holds a SKILL.md, by name. Throws
 * `NotFound` or `InvalidInput` with folder and field.
 */
export async function readSkills(folder: string): Promise<readonly Skill[]> {
  const stats = await lstat(folder).catch(() => undefined);
  if (stats?.isDirectory() !== true)
    throw new ClawError('NotFound', `skills ${folder}: no such folder`);
  const skills: Skill[] = [];
  for (const { name, kind } of await listFolder(folder, folder)) {
    if (kind !== 'folder') continue;
    const file = join(folder, name, 'SKILL.md');
    if ((await lstat(file).catch(() => undefined)) === undefined) continue;
    skills.push(await readSkill(file, name));
  }
  if (skills.length > 0) return skills;
  throw new ClawError(
    'InvalidInput',
    `skills ${folder}: no folder in it holds a SKILL.md; expected ${folder}/NAME/SKILL.md`,
  );
}

async function readSkill(file: string, name: string): Promise<Skill> {
  const limits = DEFAULT_IMPORT_LIMITS;
  const { content } = await readBoundedFile(file, file, limits, newReadBudget());
  return parseSkill(decodeText(content, file), file, name);
}

/** A SKILL.md of the skill `name`; `file` is for messages. */
export function parseSkill(text: string, file: string, name: string): Skill {
  const match = FRONT_MATTER.exec(text);
  if (match === null) {
    throw new ClawError(
      'InvalidInput',
      `${file}: expected front matter between two lines of --- at its start, with name and description`,
    );
  }
  const parsed = zFrontMatter.safeParse(parseYamlText(match[1] ?? '', file, DEFAULT_IMPORT_LIMITS));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join('.') || 'front matter';
    throw new ClawError('InvalidInput', `${file}: ${field}: ${issue?.message ?? 'unexpected'}`);
  }
  if (parsed.data.name !== name) {
    throw new ClawError(
      'InvalidInput',
      `${file}: name: got ${JSON.stringify(parsed.data.name)}, expected that of its folder, ${JSON.stringify(name)}`,
    );
  }
  const { description } = parsed.data;
  return { id: name, description, body: text.slice(match[0].length).trim() };
}
