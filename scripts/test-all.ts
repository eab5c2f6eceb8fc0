import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * `npm test`: everything a change must pass, in the order of what fails fastest. Runs every stage
 * even after a failure, so that one run shows all that is wrong; the last line is the count.
 */
interface Stage {
  readonly name: string;
  readonly argv: readonly string[];
  /** `vitest`: count its tests; `claims`: count its claims; `command`: counts as one. */
  readonly counts: 'vitest' | 'claims' | 'command';
}

const STAGES: readonly Stage[] = [
  { name: 'host tools', argv: ['bin/clawgym', 'doctor', '--fix'], counts: 'command' },
  { name: 'checks', argv: ['npm', 'run', '--silent', 'check'], counts: 'command' },
  { name: 'unit tests', argv: ['vitest', 'run', '--project', 'unit'], counts: 'vitest' },
  { name: 'local tests', argv: ['vitest', 'run', '--project', 'local'], counts: 'vitest' },
  {
    name: 'claims of tier ci',
    argv: ['npm', 'run', '--silent', 'claims', '--', '--tier', 'ci', '--json-file'],
    counts: 'claims',
  },
];

const zVitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numFailedTestSuites: z.number(),
});
const zClaimsReport = z.object({ passed: z.number(), failed: z.number() });

interface Count {
  readonly passed: number;
  readonly failed: number;
}

const folder = await mkdtemp(join(tmpdir(), 'clawgym-test-all-'));
const started = performance.now();
let passed = 0;
let failed = 0;
const rows: string[] = [];
try {
  for (const stage of STAGES) {
    const began = performance.now();
    process.stdout.write(`\n=== ${stage.name}: ${stage.argv.join(' ')}\n`);
    const count = await runStage(stage, folder);
    passed += count.passed;
    failed += count.failed;
    rows.push(
      `${stage.name.padEnd(20)} ${String(count.passed).padStart(6)} passed ${String(count.failed).padStart(4)} failed ${seconds(began).padStart(7)}`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`\n${rows.join('\n')}\ntotal ${seconds(started)}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

async function runStage(stage: Stage, scratch: string): Promise<Count> {
  const report = join(scratch, `${stage.name.replaceAll(' ', '-')}.json`);
  const exit = await run(withReport(stage, report));
  if (stage.counts === 'command') return exit === 0 ? { passed: 1, failed: 0 } : failure();
  try {
    const data: unknown = JSON.parse(await readFile(report, 'utf8'));
    const count = stage.counts === 'vitest' ? vitestCount(data) : zClaimsReport.parse(data);
    // A runner that fails without a failing test (a crash, an unhandled error) still fails.
    return exit !== 0 && count.failed === 0 ? { passed: count.passed, failed: 1 } : count;
  } catch (cause) {
    process.stderr.write(`no readable report of ${stage.name}: ${String(cause)}\n`);
    return failure();
  }
}

function failure(): Count {
  return { passed: 0, failed: 1 };
}

function vitestCount(data: unknown): Count {
  const report = zVitestReport.parse(data);
  const failedSuites = report.numFailedTests === 0 ? report.numFailedTestSuites : 0;
  return { passed: report.numPassedTests, failed: report.numFailedTests + failedSuites };
}

function withReport(stage: Stage, report: string): readonly string[] {
  if (stage.counts === 'vitest') {
    return [...stage.argv, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  }
  return stage.counts === 'claims' ? [...stage.argv, report] : stage.argv;
}

function run(argv: readonly string[]): Promise<number> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)}s`;
}
