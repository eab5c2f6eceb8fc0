import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { countPytest, pytestFailures } from './pytest-report.ts';
import { sharedDataFolder, whyNoSharedData } from './shared-data.ts';
import {
  countTests,
  type Failure,
  failuresOf,
  reportArguments,
  type TestCount,
} from './vitest-report.ts';

/**
 * `npm test`: everything a change must pass, in the order of what fails fastest. Runs every stage
 * even after a failure, so that one run shows all that is wrong. What failed is said once more at the
 * end, where it is found without reading the whole log; the last line is the count.
 */
interface Stage {
  readonly name: string;
  readonly argv: readonly string[];
  /** `vitest`, `pytest`: count its tests; `claims`: count its claims; `command`: counts as one. */
  readonly counts: 'vitest' | 'pytest' | 'claims' | 'command';
}

const STAGES: readonly Stage[] = [
  { name: 'host tools', argv: ['bin/clawgym', 'doctor', '--fix'], counts: 'command' },
  // What the tests start is what users start, and not the slower sources.
  { name: 'bundle', argv: ['npm', 'run', '--silent', 'build'], counts: 'command' },
  { name: 'checks', argv: ['npm', 'run', '--silent', 'check'], counts: 'command' },
  { name: 'unit tests', argv: ['vitest', 'run', '--project', 'unit'], counts: 'vitest' },
  { name: 'local tests', argv: ['vitest', 'run', '--project', 'local'], counts: 'vitest' },
  // Makes the Python that it needs on first use, for which it needs a package registry.
  { name: 'trainer', argv: ['npm', 'run', '--silent', 'trainer:test', '--'], counts: 'pytest' },
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

const zClaimsReport = z.object({
  passed: z.number(),
  failed: z.number(),
  notRun: z.number(),
  results: z.array(
    z.object({ key: z.string(), number: z.number(), result: z.string(), figure: z.string() }),
  ),
});

interface StageResult extends TestCount {
  readonly failures: readonly Failure[];
}

const READERS = { vitest: testsOf, pytest: pytestOf, claims: claimsOf } as const;
const folder = await mkdtemp(join(tmpdir(), 'clawgym-test-all-'));
const started = performance.now();
const total = { passed: 0, failed: 0, notRun: 0 };
const rows: string[] = [];
const failures: string[] = [];
try {
  for (const stage of STAGES) {
    const began = performance.now();
    process.stdout.write(`\n=== ${stage.name}: ${stage.argv.join(' ')}\n`);
    const count = await runStage(stage, folder);
    failures.push(...count.failures.map((failure) => failureText(stage, failure)));
    total.passed += count.passed;
    total.failed += count.failed;
    total.notRun += count.notRun;
    rows.push(row(stage.name, count, seconds(began)));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (failures.length > 0) process.stdout.write(`\n=== failed\n${failures.join('\n')}\n`);
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

function failureText(stage: Stage, { name, why }: Failure): string {
  return `${stage.name}: ${name}\n${why.replaceAll(/^/gm, '    ')}`;
}

async function runStage(stage: Stage, scratch: string): Promise<StageResult> {
  const report = join(scratch, `${stage.name.replaceAll(' ', '-')}.json`);
  const exit = await run(withReport(stage, report));
  if (stage.counts === 'command') {
    if (exit === 0) return { passed: 1, failed: 0, notRun: 0, failures: [] };
    return failedWhole(stage, `exit code ${exit}: its output is above`);
  }
  try {
    const text = await readFile(report, 'utf8');
    const result = READERS[stage.counts](text);
    // A runner that fails without a failing test (a crash, an unhandled error) still fails.
    if (exit === 0 || result.failed > 0) return result;
    const whole = failedWhole(stage, `exit code ${exit} without a failed test: see above`);
    return { ...result, failed: 1, failures: whole.failures };
  } catch (cause) {
    return failedWhole(stage, `no readable report: ${String(cause)}`);
  }
}

function pytestOf(report: string): StageResult {
  return { ...countPytest(report), failures: pytestFailures(report) };
}

function testsOf(report: string): StageResult {
  return { ...countTests(report), failures: failuresOf(report, process.cwd()) };
}

function claimsOf(report: string): StageResult {
  const { results, ...count } = zClaimsReport.parse(JSON.parse(report));
  const failed = results.filter(({ result }) => result === 'fails');
  return {
    ...count,
    failures: failed.map((claim) => ({ name: `${claim.key}.${claim.number}`, why: claim.figure })),
  };
}

function failedWhole(stage: Stage, why: string): StageResult {
  return { passed: 0, failed: 1, notRun: 0, failures: [{ name: stage.argv.join(' '), why }] };
}

function withReport(stage: Stage, report: string): readonly string[] {
  if (stage.counts === 'vitest') {
    return [...stage.argv, ...reportArguments(report)];
  }
  if (stage.counts === 'pytest') return [...stage.argv, `--junit-xml=${report}`];
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
