import { join } from 'node:path';
import { ERROR_CODES } from '../src/base/error.ts';
import { runGenerator } from './generated-file.ts';

/** The page of error codes. */
function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, sentence]) => `| \`${code}\` | ${sentence.replaceAll('|', '\\|')} |`);
  return `<!-- Generated from src/base/error.ts by \`npm run generate\`; do not edit. -->

# Error codes

Every error of the product carries one of these codes. The message names the place, the offending
value, what was expected and, where there is one, the next step.

| code | meaning |
|---|---|
${rows.join('\n')}
`;
}

const root = join(import.meta.dirname, '..');
const page = { path: join(root, 'docs', 'reference', 'errors.md'), content: errorsPage() };
const check = process.argv.includes('--check');
process.exitCode = await runGenerator(root, [page], { check, command: 'npm run generate' });
