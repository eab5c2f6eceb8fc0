import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import type { GeneratedFile } from './generated-file.ts';

const HEADER = `# Generated from src/synthesis/assets by \`npm run generate\`; do not edit.
# The personas and skills of the product, parted: no task of the exam shares one with a task of the practice.
`;

type Part = 'practice' | 'exam';

/** The exam takes one in so many. */
const PERSONAS_IN_ONE = 7;
const SKILLS_IN_ONE = 3;

/** The bundled seeds as ConfigMaps, parted into those to learn from and those to be measured on. */
export async function sampleSeeds(root: string): Promise<GeneratedFile> {
  const assets = join(root, 'src/synthesis/assets');
  const text = await readFile(join(assets, 'personas.jsonl'), 'utf8');
  const personas = text.split('\n').filter((line) => line !== '');
  const names = (await readdir(join(assets, 'skills'))).toSorted();
  const skills: [string, string][] = [];
  for (const name of names)
    skills.push([name, await readFile(join(assets, 'skills', name, 'SKILL.md'), 'utf8')]);
  const maps = (['practice', 'exam'] as const).flatMap((part) => [
    configMap(`${part}-personas`, {
      'personas.jsonl': `${ofPart(personas, part, PERSONAS_IN_ONE).join('\n')}\n`,
    }),
    configMap(`${part}-skills`, Object.fromEntries(ofPart(skills, part, SKILLS_IN_ONE))),
  ]);
  const content = HEADER + maps.map((map) => dump(map, { lineWidth: -1 })).join('---\n');
  return { path: join(root, 'deploy/samples/full-circle-gpu/00-seeds.yaml'), content };
}

const ofPart = <T>(seeds: readonly T[], part: Part, oneIn: number): readonly T[] =>
  seeds.filter((_, index) => (index % oneIn === oneIn - 1) === (part === 'exam'));

const configMap = (name: string, data: Readonly<Record<string, string>>) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
});
