import { join } from 'node:path';
import { chartFiles } from './chart-files.ts';
import { runGenerator } from './generated-file.ts';
import { sampleSeeds } from './sample-seeds.ts';
import { sampleTasks } from './sample-tasks.ts';

/** Writes what charts hold about their values, and the sample tasks and seeds; `--check` fails on drift. */
async function main(argv: readonly string[]): Promise<number> {
  const root = join(import.meta.dirname, '..');
  const files = [...(await chartFiles(root)), await sampleTasks(root), await sampleSeeds(root)];
  const check = argv.includes('--check');
  return runGenerator(root, files, { check, command: 'npm run generate' });
}

process.exitCode = await main(process.argv.slice(2));
