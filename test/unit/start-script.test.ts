import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const SCRIPT = resolve(import.meta.dirname, '../../bin/clawgym');
const HOUR = 3600;

/** A checkout whose two forms of the command say which one ran. */
async function checkout() {
  const dir = await tempDir();
  const at = (path: string): string => join(dir.path, path);
  for (const folder of ['bin', 'src/cli', 'dist']) mkdirSync(at(folder), { recursive: true });
  copyFileSync(SCRIPT, at('bin/clawgym'));
  writeFileSync(at('src/cli/main.ts'), "process.stdout.write('sources');");
  writeFileSync(at('dist/main.js'), "process.stdout.write('bundle');");
  writeFileSync(at('package-lock.json'), '{}');
  const built = (secondsFromNow: number): void => {
    const time = new Date(Date.now() + secondsFromNow * 1000);
    utimesSync(at('dist/main.js'), time, time);
  };
  const ran = (): string => {
    const env = { PATH: `${resolve(process.execPath, '..')}:/usr/bin:/bin` };
    return spawnSync('/bin/sh', [at('bin/clawgym')], { env }).stdout.toString();
  };
  return { at, built, ran, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

test('starts the bundle while nothing that it is made of is newer', async () => {
  await using tree = await checkout();
  tree.built(HOUR);
  expect(tree.ran()).toBe('bundle');
  tree.built(-HOUR);
  expect(tree.ran()).toBe('sources');
});

test('starts the sources where there is no bundle, and where a file was put back with an old date', async () => {
  await using tree = await checkout();
  const old = new Date(Date.now() - 100 * HOUR * 1000);
  tree.built(-HOUR);
  for (const path of ['src/cli/main.ts', 'src/cli', 'src', 'package-lock.json'])
    utimesSync(tree.at(path), old, old);
  expect(tree.ran()).toBe('sources');
  rmSync(tree.at('dist'), { recursive: true });
  expect(tree.ran()).toBe('sources');
});

test('names an older Node on the path, and the command that installs the right one', async () => {
  await using tree = await checkout();
  const node = tree.at('node');
  writeFileSync(node, '#!/bin/sh\necho v20.11.1\n', { mode: 0o755 });
  const env = { PATH: `${resolve(node, '..')}:/usr/bin:/bin` };
  const { status, stderr } = spawnSync('/bin/sh', [tree.at('bin/clawgym')], { env });
  expect(status).toBe(127);
  expect(stderr.toString()).toMatch(
    /24 or newer is needed, and .*node is v20\.11\.1\. Run in .*npm ci\n$/,
  );
});

test('starts the bundle of an installation without sources', async () => {
  await using tree = await checkout();
  rmSync(tree.at('src'), { recursive: true });
  expect(tree.ran()).toBe('bundle');
});
