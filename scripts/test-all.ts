import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { sharedDataFolder, whyNoSharedData } from './shared-data.ts';
import { countTests, reportArguments, type TestCount } from './vitest-report.ts';

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
  // What the tests start is what users start, and not the slower sources.
  { name: 'bundle', argv: ['npm', 'run', '--silent', 'build'], counts: 'command' },
  { name: 'checks', argv: ['npm', 'run', '--silent', 'check'], counts: 'command' },
  { name: 'unit tests', argv: ['vitest', 'run', '--project', 'unit'], counts: 'vitest' },
  { name: 'local tests', argv: ['vitest', 'run', '--project', 'local'], counts: 'vitest' },
  // Each layer installs and builds what it needs where it may; where it cannot run, its stage fails.
  { name: 'apiserver layer', argv: ['vitest', 'run', '--project', 'apiserver'], counts: 'vitest' },
  { name: 'scale layer', argv: ['vitest', 'run', '--project', 'scale'], counts: 'vitest' },
  { name: 'node layer', argv: ['vitest', 'run', '--project', 'node'], counts: 'vitest' },
  {
    name: 'claims of tier ci',
    argv: ['npm', 'run', '--silent', 'claims', '--', '--tier', 'ci', '--json-file'],
    counts: 'claims',
  },
];

const zClaimsReport = z.object({ passed: z.number(), failed: z.number(), notRun: z.number() });

const folder = await mkdtemp(join(tmpdir(), 'clawgym-test-all-'));
const started = performance.now();
const total = { passed: 0, failed: 0, notRun: 0 };
const rows: string[] = [];
try {
  for (const stage of STAGES) {
    const began = performance.now();
    process.stdout.write(`\n=== ${stage.name}: ${stage.argv.join(' ')}\n`);
    const count = await runStage(stage, folder);
    total.passed += count.passed;
    total.failed += count.failed;
    total.notRun += count.notRun;
    rows.push(row(stage.name, count, seconds(began)));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`\n${rows.join('\n')}\ntotal ${seconds(started)}\n`);
if (total.notRun > 0 && sharedDataFolder() === undefined) {
  process.stdout.write(`${total.notRun} not run: ${whyNoSharedData()}\n`);
}
const skipped = total.notRun === 0 ? '' : `, ${total.notRun} skipped`;
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed === 0 ? 0 : 1;

function row(name: string, { passed, failed, notRun }: TestCount, took: string): string {
  const columns = [`${passed} passed`, `${failed} failed`, `${notRun} not run`, took];
  return name.padEnd(20) + columns.map((column) => column.padStart(13)).join('');
}

async function runStage(stage: Stage, scratch: string): Promise<TestCount> {
  const report = join(scratch, `${stage.name.replaceAll(' ', '-')}.json`);
  const exit = await run(withReport(stage, report));
  if (stage.counts === 'command') return exit === 0 ? success() : failure();
  try {
    const text = await readFile(report, 'utf8');
    const count =
      stage.counts === 'vitest' ? countTests(text) : zClaimsReport.parse(JSON.parse(text));
    // A runner that fails without a failing test (a crash, an unhandled error) still fails.
    return exit !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
  } catch (cause) {
    process.stderr.write(`no readable report of ${stage.name}: ${String(cause)}\n`);
    return failure();
  }
}

function success(): TestCount {
  return { passed: 1, failed: 0, notRun: 0 };
}

function failure(): TestCount {
  return { passed: 0, failed: 1, notRun: 0 };
}

function withReport(stage: Stage, report: string): readonly string[] {
  if (stage.counts === 'vitest') {
    return [...stage.argv, ...reportArguments(report)];
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
