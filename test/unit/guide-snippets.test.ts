import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const GUIDES = join(ROOT, 'docs', 'guides');
const FENCE = /^```\w+ file=(\S+)\n([\s\S]*?)^```$/gm;

interface Snippet {
  readonly guide: string;
  readonly file: string;
  readonly code: string;
}

const snippets: readonly Snippet[] = readdirSync(GUIDES)
  .filter((name) => name.endsWith('.md'))
  .flatMap((guide) =>
    [...readFileSync(join(GUIDES, guide), 'utf8').matchAll(FENCE)].map((match) => ({
      guide,
      file: match[1] ?? '',
      code: match[2] ?? '',
    })),
  );

const SAMPLE = 'test/support/echo/controller.ts';

describe('code in the guides', () => {
  test('comes from the files that it names, letter by letter', () => {
    expect(snippets.length).toBeGreaterThan(8);
    const odd = snippets.filter(
      ({ file, code }) => !readFileSync(join(ROOT, file), 'utf8').includes(code),
    );
    expect(odd).toEqual([]);
  });

  test('shows the whole reconcile of the sample, in order', () => {
    const text = readFileSync(join(ROOT, SAMPLE), 'utf8');
    const reconcile = text.slice(
      text.indexOf('  const reconcile'),
      text.indexOf('  return { caches'),
    );
    const shown = snippets.filter(({ file }) => file === SAMPLE).map(({ code }) => code);
    const squeeze = (code: string): string => code.replaceAll(/\n+/g, '\n');
    const begin = shown.findIndex((code) => code.startsWith('  const reconcile'));
    const joined = squeeze(shown.slice(begin).join(''));
    expect(joined.replace('  const controller', '  };\n  const controller')).toContain(
      squeeze(reconcile),
    );
  });

  test('the sample stays under 100 lines', () => {
    expect(readFileSync(join(ROOT, SAMPLE), 'utf8').split('\n').length).toBeLessThan(100);
  });
});
