import { join } from 'node:path';
import { KINDS } from '../src/api/kinds.ts';
import { runGenerator } from './generated-file.ts';
import { kindsPage } from './kinds-page.ts';

/** Writes docs/reference/kinds.md from src/api; `--check` fails on drift. */
const root = join(import.meta.dirname, '..');
const page = {
  path: join(root, 'docs', 'reference', 'kinds.md'),
  content: kindsPage(Object.values(KINDS)),
};
const check = process.argv.includes('--check');
process.exitCode = await runGenerator(root, [page], { check, command: 'npm run generate' });
