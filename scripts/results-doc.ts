import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runGenerator } from './generated-file.ts';
import { resultsPage } from './results-page.ts';

/** `node scripts/results-doc.ts [--check]`: writes docs/reference/results.md, or says that it drifted. */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const root = join(import.meta.dirname, '..');
process.exitCode = await runGenerator(
  root,
  [{ path: join(root, 'docs', 'reference', 'results.md'), content: resultsPage() }],
  { check: values.check, command: 'npm run generate' },
);
