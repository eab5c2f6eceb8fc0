import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { resultsPage } from './results-page.ts';

it('docs/reference/results.md is what the schema says', async () => {
  const page = await readFile(new URL('../docs/reference/results.md', import.meta.url), 'utf8');
  expect(page, 'run node scripts/results-doc.ts').toBe(resultsPage());
});

it('names every field that the run command promises', () => {
  const page = resultsPage();
  for (const field of [
    'arms[].mean.final',
    'arms[].coverage',
    'arms[].tasks[].attempts[].checks',
  ]) {
    expect(page).toContain(`\`${field}\``);
  }
});
