import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { loadSeeds } from './load-seeds.ts';

describe('the bundled seeds', () => {
  test('are enough and each stands alone', async () => {
    const { personas, skills, categories, operations } = await loadSeeds();
    expect(personas.length).toBeGreaterThanOrEqual(100);
    expect(skills.length).toBeGreaterThanOrEqual(12);
    expect(categories.length).toBeGreaterThanOrEqual(40);
    expect(operations.length).toBeGreaterThanOrEqual(20);
    for (const list of [personas, skills, categories, operations]) {
      expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
    }
    expect(new Set(personas.map(({ text }) => text)).size).toBe(personas.length);
    for (const { body } of skills) expect(body).toMatch(/^# /);
  });

  test('can be cut to the first personas, and not to more than there are', async () => {
    expect((await loadSeeds({ personaCount: 3 })).personas).toHaveLength(3);
    await expect(loadSeeds({ personaCount: 10_000 })).rejects.toThrow('lower it');
  });
});

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(dir.path, path, '..'), { recursive: true });
    await writeFile(join(dir.path, path), text);
  }
  return dir.path;
}

test.each<[string, string | undefined, RegExp]>([
  ['a file that is missing', undefined, /p\.jsonl cannot be read/],
  ['an empty file', '\n\n', /no persona in it; expected lines such as/],
  ['a line that is no JSON', '{"persona": "a"}\n{', /p\.jsonl:2: not JSON/],
  ['a line without persona', '{"id": "a"}', /p\.jsonl:1: persona: /],
  [
    'an id twice',
    '{"id":"a","persona":"x"}\n{"id":"a","persona":"y"}',
    /:2: id a is that of line 1/,
  ],
  ['an id with blanks', '{"id":"a b","persona":"x"}', /:1: id: expected letters/],
])('personas: %s is named with its line', async (_name, text, message) => {
  const dir = await folder(text === undefined ? {} : { 'p.jsonl': text });
  await expect(loadSeeds({ personas: join(dir, 'p.jsonl') })).rejects.toThrow(message);
});

const skill = (front: string): Readonly<Record<string, string>> => ({
  'sorting/SKILL.md': `---\n${front}\n---\n# Sorting\n`,
});

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ['a folder without skills', { 'readme.md': 'hi' }, /no folder in it holds a SKILL\.md/],
  ['no front matter', { 'sorting/SKILL.md': '# Sorting' }, /expected front matter/],
  ['no description', skill('name: sorting'), /description: /],
  ['a name of another folder', skill('name: other\ndescription: d'), /expected that of its folder/],
  ['a name with capitals', skill('name: Sorting\ndescription: d'), /name: expected lower-case/],
  ['front matter that is no YAML', skill('name: [a'), /YAML/],
])('skills: %s is named with its file', async (_name, files, message) => {
  const dir = await folder(files);
  await expect(loadSeeds({ skills: dir })).rejects.toThrow(message);
});

test('skills of a user are read beside files that are none', async () => {
  const dir = await folder({ ...skill('name: sorting\ndescription: Sort things.'), 'a.txt': '' });
  const { skills } = await loadSeeds({ skills: dir });
  expect(skills).toEqual([{ id: 'sorting', description: 'Sort things.', body: '# Sorting' }]);
});
