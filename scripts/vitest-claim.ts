import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRuns } from './vitest-claim-runs.ts';
import { countTests, reportArguments, retryArguments } from './vitest-report.ts';

/**
 * Runs tests as a claim: `node scripts/vitest-claim.ts PROJECT FILE... PROJECT:FILE...` exits 0 only
 * where every test passed and at least one ran in each project, and prints the count as its last
 * line. A file without a project before a colon is of the first; each project is a run of its own.
 * `--named TEXT`: only tests whose full name has it. `--crash-every N`: tests that crash an operator
 * at its writes do so at every N-th one.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { named: { type: 'string' }, 'crash-every': { type: 'string' } },
});
const every = values['crash-every'];
const env = every === undefined ? process.env : { ...process.env, CLAWGYM_CRASH_EVERY: every };
const named = values.named === undefined ? [] : ['--testNamePattern', values.named];
const scratch = mkdtempSync(join(tmpdir(), 'clawgym-claim-'));
const total = { passed: 0, failed: 0, holds: true };
try {
  for (const { project, files } of projectRuns(positionals)) {
    const report = join(scratch, `${project}.json`);
    const run = spawnSync(
      'vitest',
      [
        'run',
        '--project',
        project,
        ...files,
        ...named,
        ...retryArguments(0),
        ...reportArguments(report),
      ],
      { stdio: ['ignore', 'inherit', 'inherit'], env },
    );
    const { passed, failed } = countTests(readFileSync(report, 'utf8'));
    total.passed += passed;
    total.failed += failed;
    total.holds &&= run.status === 0 && passed > 0;
  }
  process.exitCode = total.holds ? 0 : 1;
  process.stdout.write(`${total.passed} tests passed, ${total.failed} failed\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
