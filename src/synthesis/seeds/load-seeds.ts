import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { SeedTexts } from '../../protocol/synthesis-server.ts';
import { parsePersonas, readPersonas } from './read-personas.ts';
import { parseSkill, readSkills } from './read-skills.ts';
import type { Label, SeedSet, Skill } from './seed-set.ts';

export interface SeedSources {
  /** File of JSON lines; absent: the bundled ones. */
  readonly personas?: string | undefined;
  /** Only the first so many. */
  readonly personaCount?: number | undefined;
  /** Folder of skill folders; absent: the bundled ones. */
  readonly skills?: string | undefined;
  /** Seeds that were read already, instead of those of a path. */
  readonly texts?: SeedTexts | undefined;
}

const ASSETS = join(dirname(fileURLToPath(import.meta.url)), '..', 'assets');

const zGroups = z.array(
  z.strictObject({ group: z.string(), names: z.record(z.string(), z.string()) }),
);

/** Everything that is sampled from. Throws `NotFound` or `InvalidInput` with file, line and field. */
export async function loadSeeds(sources: SeedSources = {}, assets = ASSETS): Promise<SeedSet> {
  const { texts } = sources;
  const personas =
    texts?.personas === undefined
      ? await readPersonas(sources.personas ?? join(assets, 'personas.jsonl'))
      : parsePersonas(texts.personas.text, texts.personas.place);
  const count = sources.personaCount ?? personas.length;
  if (count > personas.length) {
    throw new ClawError(
      'InvalidInput',
      `spec.routes.personas.count: got ${count}, and the source holds ${personas.length} personas; lower it, or leave it out for all`,
    );
  }
  return {
    personas: personas.slice(0, count),
    skills:
      texts?.skills === undefined
        ? await readSkills(sources.skills ?? join(assets, 'skills'))
        : skillsOf(texts.skills),
    categories: await labels(join(assets, 'categories.json')),
    operations: await labels(join(assets, 'operations.json')),
  };
}

/** By name, as the folders of a path are. */
function skillsOf({ place, texts }: NonNullable<SeedTexts['skills']>): readonly Skill[] {
  const skills = Object.entries(texts)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, text]) => parseSkill(text, `${place}, key ${name}`, name));
  if (skills.length > 0) return skills;
  throw new ClawError(
    'InvalidInput',
    `${place}: it has no key; expected one a skill, named as the skill, with its SKILL.md`,
  );
}

/** Groups of names by id, in the order of the file. */
async function labels(path: string): Promise<readonly Label[]> {
  const groups = zGroups.parse(parseJson(await readFile(path, 'utf8')));
  return groups.flatMap(({ group, names }) =>
    Object.entries(names).map(([id, name]) => ({ id, name, group })),
  );
}
