import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findDrift, runGenerator, writeGenerated } from './generated-file.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clawgym-generated-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

const files = (content: string): { path: string; content: string }[] => [
  { path: join(root, 'deep', 'a.yaml'), content },
];

test('what was written has no drift; an edit or a missing file has', async () => {
  expect(await findDrift(root, files('one'))).toEqual(['deep/a.yaml']);
  expect(await writeGenerated(root, files('one'))).toEqual(['deep/a.yaml']);
  expect(await findDrift(root, files('one'))).toEqual([]);
  expect(await findDrift(root, files('two'))).toEqual(['deep/a.yaml']);
});

test('a check fails with the file and the command to run, and writes nothing', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await writeGenerated(root, files('one'));
  writeFileSync(join(root, 'deep', 'a.yaml'), 'edited');
  const options = { check: true, command: 'npm run generate' };
  expect(await runGenerator(root, files('one'), options)).toBe(1);
  expect(said.mock.calls.flat()).toEqual([
    'deep/a.yaml differs from its source',
    'run: npm run generate',
  ]);
  expect(readFileSync(join(root, 'deep', 'a.yaml'), 'utf8')).toBe('edited');
  expect(await runGenerator(root, files('one'), { ...options, check: false })).toBe(0);
  expect(await runGenerator(root, files('one'), options)).toBe(0);
});
