import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeScratch, removeScratch, sweepScratches } from '../../bench/support/cold-scratch.ts';
import { identify } from '../cluster/process-identity.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A folder as a killed claim leaves it: its process number is another's now. */
async function abandoned(root: string, name: string): Promise<string> {
  const path = join(root, `clawgym-cold-${name}`);
  await mkdir(path);
  const startTicks = Number(identify(process.pid)?.startTicks) - 1;
  await writeFile(join(path, 'owner.json'), JSON.stringify({ pid: process.pid, startTicks }));
  return path;
}

test('a sweep takes the scratch folders of killed claims and leaves all others', async () => {
  await using root = await tempDir();
  const killed = await abandoned(root.path, 'killed');
  const living = await makeScratch(root.path);
  const young = join(root.path, 'clawgym-cold-young');
  const old = join(root.path, 'clawgym-cold-old');
  const other = join(root.path, 'another');
  for (const path of [young, old, other]) await mkdir(path);
  await utimes(old, 1, 1);
  const swept: string[] = [];
  await sweepScratches(
    root.path,
    () => undefined,
    async (scratch) => void swept.push(scratch),
  );
  expect(swept.toSorted()).toEqual([killed, old].toSorted());
  expect(existsSync(living)).toBe(true);
});

test('a folder whose cluster cannot be ended is told, stays, and does not hold up the rest', async () => {
  await using root = await tempDir();
  const killed = [await abandoned(root.path, '1'), await abandoned(root.path, '2')];
  const said: string[] = [];
  await sweepScratches(
    root.path,
    (line) => void said.push(line),
    () => Promise.reject(new Error('the link is still there')),
  );
  expect(said.filter((line) => line.includes('still there'))).toHaveLength(2);
  expect(killed.every((path) => existsSync(path))).toBe(true);
});

test('a folder without a cluster is removed with all that is in it', async () => {
  await using root = await tempDir();
  const scratch = await makeScratch(root.path);
  await removeScratch(scratch);
  expect(existsSync(scratch)).toBe(false);
});
