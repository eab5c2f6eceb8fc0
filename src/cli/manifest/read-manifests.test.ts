import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { readManifests } from './read-manifests.ts';

const batch = (name: string): string =>
  JSON.stringify({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'RolloutBatch',
    metadata: { name },
    spec: { tasks: { path: 'tasks' }, agent: { name: 'nop' } },
  });

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir.path, name), text);
  return dir.path;
}

test('a folder is read in the order of its names, each with its file', async () => {
  const dir = await folderOf({
    '20-b.yaml': batch('b'),
    '10-a.json': batch('a'),
    'notes.md': 'no manifest',
  });
  const read = await readManifests(dir);
  expect(read.map(({ file }) => file)).toEqual([join(dir, '10-a.json'), join(dir, '20-b.yaml')]);
  expect(
    read.flatMap(({ manifest }) => manifest.objects.map((each) => each.metadata.name)),
  ).toEqual(['a', 'b']);
});

test.each<[string, Readonly<Record<string, string>>, string]>([
  ['nothing', { 'notes.md': '' }, 'is a folder without a manifest; expected files *.yaml'],
  ['a bad one', { 'a.yaml': batch('a'), 'b.yaml': 'kind: Odd' }, 'b.yaml:1 (document 1'],
  ['one object twice', { 'a.yaml': batch('a'), 'b.yaml': batch('a') }, 'RolloutBatch/a in default'],
])('a folder with %s is refused with its place', async (_, files, message) => {
  await expect(readManifests(await folderOf(files))).rejects.toThrow(message);
});

test('a file of a folder may hold a ConfigMap alone; alone it is no manifest of ours', async () => {
  const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tasks}\n';
  const dir = await folderOf({ 'a.yaml': batch('a'), 'b.yaml': map });
  const read = await readManifests(dir);
  expect(read.map(({ manifest }) => manifest.foreign.map(({ name }) => name))).toEqual([
    [],
    ['tasks'],
  ]);
  await expect(readManifests(join(dir, 'b.yaml'))).rejects.toThrow('has no object of clawgym.io');
});

test('a path that is not there is named', async () => {
  await expect(readManifests('/nowhere/a.yaml')).rejects.toThrow('manifest /nowhere/a.yaml cannot');
});
