import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importLines } from '../support/import-lines.ts';

const ROOT = posix.join(import.meta.dirname, '..', '..');

/** Every package that loads with a module, before a line of it runs, and the files that lead there. */
function loadedWith(entry: string): ReadonlyMap<string, string> {
  const packages = new Map<string, string>();
  const seen = new Set([entry]);
  for (const path of seen) {
    const source = readFileSync(posix.join(ROOT, path), 'utf8');
    for (const { specifier, text } of importLines(source)) {
      if (/^import(\(| type )|^export type /.test(text)) continue;
      if (!specifier.startsWith('.')) packages.set(specifier, path);
      else if (specifier.endsWith('.ts')) seen.add(posix.join(posix.dirname(path), specifier));
    }
  }
  return packages;
}

// Each costs every run tens of milliseconds before its first rollout (docs/guides/performance.md).
const LATER = ['undici', 'openai', '@kubernetes/client-node', 'fastify', 'smol-toml'];

describe.each([
  { entry: 'src/cli/bench-command.ts', later: [...LATER, 'js-yaml'] },
  { entry: 'src/cli/run-command.ts', later: LATER },
])('$entry', ({ entry, later }) => {
  const packages = loadedWith(entry);

  test('is followed to its packages', () => {
    expect([...packages.keys()]).toEqual(expect.arrayContaining(['zod', 'node:sqlite']));
  });

  test.each(later)('does not load %s before it is needed', (name) => {
    expect(packages.get(name)).toBeUndefined();
  });
});
