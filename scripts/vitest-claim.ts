import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * Runs tests as a claim: `node scripts/vitest-claim.ts PROJECT FILE...` exits 0 only where every test
 * passed and at least one ran, and prints the count as its last line.
 */
const [project = '', ...files] = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'clawgym-claim-'));
const report = join(scratch, 'report.json');
try {
  const run = spawnSync(
    'vitest',
    [
      'run',
      '--project',
      project,
      ...files,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const zReport = z.object({ numPassedTests: z.number(), numFailedTests: z.number() });
  const { numPassedTests, numFailedTests } = zReport.parse(
    JSON.parse(readFileSync(report, 'utf8')),
  );
  process.exitCode = run.status === 0 && numPassedTests > 0 ? 0 : 1;
  process.stdout.write(`${numPassedTests} tests passed, ${numFailedTests} failed\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
