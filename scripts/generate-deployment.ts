import { join } from 'node:path';
import { chartFiles } from './chart-files.ts';
import { runGenerator } from './generated-file.ts';
import { sampleTasks } from './sample-tasks.ts';

/** Writes what charts hold about their values, and the sample tasks; `--check` fails on drift. */
async function main(argv: readonly string[]): Promise<number> {
  const root = join(import.meta.dirname, '..');
  const files = [...(await chartFiles(root)), await sampleTasks(root)];
  const check = argv.includes('--check');
  return runGenerator(root, files, { check, command: 'npm run generate' });
}

process.exitCode = await main(process.argv.slice(2));
