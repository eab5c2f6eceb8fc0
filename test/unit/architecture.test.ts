import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arrowViolations, isTest, type SourceFile } from '../support/import-arrows.ts';
import { importLines } from '../support/import-lines.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FOLDERS = ['src', 'operator', 'scripts', 'bench', 'test'];
const MAX_LINES = 370;
const MAX_MEDIAN = 120;

function sources(): SourceFile[] {
  return FOLDERS.flatMap((folder) => {
    try {
      return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .map((name) => posix.join(folder, name.split(sep).join('/')))
        .filter((path) => path.endsWith('.ts') && !path.includes('/node_modules/'))
        .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
    } catch {
      return [];
    }
  });
}

const files = sources();
const product = files.filter((file) => !isTest(file.path));
const lines = (file: SourceFile): number => file.text.trimEnd().split('\n').length;

describe('the tree', () => {
  test('imports go one way', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(arrowViolations(files)).toEqual([]);
  });

  test('no file re-exports another: there are no barrels', () => {
    const barrels = product.flatMap((file) =>
      importLines(file.text)
        .filter((found) => found.reExport)
        .map((found) => `${file.path}:${found.line}: ${found.text}`),
    );
    expect(barrels).toEqual([]);
  });

  test('files and folders are kebab-case', () => {
    const odd = files.filter((file) => !/^[a-z0-9-]+(\/[a-z0-9-]+)*(\.test)?\.ts$/.test(file.path));
    expect(odd.map((file) => file.path)).toEqual([]);
  });

  test(`no file is longer than ${MAX_LINES} lines and the median is at most ${MAX_MEDIAN}`, () => {
    const tooLong = files.filter((file) => lines(file) > MAX_LINES);
    expect(tooLong.map((file) => `${file.path}: ${lines(file)} lines`)).toEqual([]);
    const sorted = product.map(lines).toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(MAX_MEDIAN);
  });

  test('every relative import names a file with its extension', () => {
    const odd = files.flatMap((file) =>
      importLines(file.text)
        .filter(({ specifier }) => specifier.startsWith('.') && !/\.(ts|mjs|json)$/.test(specifier))
        .map((found) => `${file.path}:${found.line}: ${found.text}`),
    );
    expect(odd).toEqual([]);
  });
});

describe('the arrows', () => {
  const check = (path: string, text: string): readonly string[] =>
    arrowViolations([{ path, text }]);

  test.each<[string, string, string]>([
    ['src/base/a.ts', "import { x } from '../api/b.ts';", 'base is below api'],
    ['src/tasks/a.ts', "import type { X } from '../rollouts/b.ts';", 'tasks is below rollouts'],
    ['src/rollouts/a.ts', "import { x } from '../store/b.ts';", 'rollouts is below store'],
    ['src/agents/a.ts', "import { x } from '../gateway/b.ts';", 'agents and gateway are siblings'],
    [
      'src/phases/a.ts',
      "const x = await import('../engines/local/b.ts');",
      'phases is below engines',
    ],
    ['src/phases/deep/a.ts', "import '../../cli/b.ts';", 'phases is below cli'],
    ['src/bench/a.ts', "import {\n  x,\n  y,\n} from '../server/b.ts';", 'bench is below server'],
    [
      'src/cli/a.ts',
      "import { x } from '../../test/support/b.ts';",
      'product code never imports tests',
    ],
    ['src/cli/a.ts', "import { x } from '../../scripts/b.ts';", 'src imports src only'],
    [
      'src/cli/a.ts',
      "import { x } from '../novel/b.ts';",
      'src/novel has no rank: add it to RANKS',
    ],
    [
      'operator/kube/a.ts',
      "import { x } from '../../src/base/b.ts';",
      'operator/kube imports nothing of src',
    ],
    [
      'operator/kube/a.ts',
      "import { x } from '../controllers/b.ts';",
      'operator/kube knows no kind of ours',
    ],
    ['operator/controllers/a.ts', "import { x } from '../../src/store/b.ts';", 'never a store'],
    ['operator/kube/a.ts', "import { x } from '../../test/support/b.ts';", 'never imports tests'],
    ['bench/a.ts', "import { x } from '../test/unit/b.test.ts';", 'never imports tests'],
  ])('%s may not: %s', (path, text, reason) => {
    const found = check(path, `\n${text}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${path}:2: `);
    expect(found[0]).toContain(reason);
  });

  test.each<[string, string]>([
    ['src/cli/a.ts', "import { x } from '../engines/local/b.ts';"],
    ['src/phases/a.ts', "import { x } from '../gateway/b.ts';"],
    ['src/agents/cheats/a.ts', "import { x } from '../agent.ts';"],
    ['src/api/a.ts', "import { z } from 'zod';"],
    ['src/base/a.test.ts', "import { x } from '../../test/support/b.ts';"],
    ['operator/controllers/a.ts', "import { x } from '../../src/api/b.ts';"],
    ['operator/controllers/a.ts', "import { x } from '../../src/engines/kubernetes/b.ts';"],
    ['operator/controllers/a.ts', "import { x } from '../../src/protocol/b.ts';"],
    ['src/server/a.ts', "import { x } from '../../operator/kube/b.ts';"],
    ['operator/controllers/a.ts', "import { x } from '../kube/b.ts';"],
    ['scripts/a.ts', "import { x } from '../src/cli/b.ts';"],
    ['bench/a.ts', "import { x } from '../test/cluster/layers.ts';"],
  ])('%s may: %s', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });
});
