import { join } from 'node:path';
import { chartFiles } from './chart-files.ts';
import { runGenerator } from './generated-file.ts';

/** Writes what charts hold about their values; `--check` fails on drift. */
async function main(argv: readonly string[]): Promise<number> {
  const root = join(import.meta.dirname, '..');
  const check = argv.includes('--check');
  return runGenerator(root, await chartFiles(root), { check, command: 'npm run generate' });
}

process.exitCode = await main(process.argv.slice(2));
