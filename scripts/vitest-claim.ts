import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTests, reportArguments } from './vitest-report.ts';

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
    ['run', '--project', project, ...files, ...reportArguments(report)],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const { passed, failed } = countTests(readFileSync(report, 'utf8'));
  process.exitCode = run.status === 0 && passed > 0 ? 0 : 1;
  process.stdout.write(`${passed} tests passed, ${failed} failed\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
