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
  retryArguments,
  secondTriesOf,
  type TestCount,
} from './vitest-report.ts';

/**
 * `npm test`: everything a change must pass, in the order of what fails fastest. Runs every stage
 * even after a failure, so that one run shows all that is wrong. What failed is said once more at the
 * end, where it is found without reading the whole log; the last line is the count. Tests of real
 * processes in real time that fail are tried once more, and those that pass then are named at the end
 * with their first error (docs/adr/0021-a-second-try-is-told.md): each is a bug to be mended.
 */
interface Stage {
  readonly name: string;
  readonly argv: readonly string[];
  /** `vitest`, `pytest`: count its tests; `claims`: count its claims; `command`: counts as one. */
  readonly counts: 'vitest' | 'pytest' | 'claims' | 'command';
}

/** A layer of tests with real processes in real time, which are tried once more where they fail. */
function realTime(name: string, project: string): Stage {
  return {
    name,
    argv: ['vitest', 'run', '--project', project, ...retryArguments(1)],
    counts: 'vitest',
  };
}

const STAGES: readonly Stage[] = [
  { name: 'host tools', argv: ['bin/clawgym', 'doctor', '--fix'], counts: 'command' },
  // What the tests start is what users start, and not the slower sources.
  { name: 'bundle', argv: ['npm', 'run', '--silent', 'build'], counts: 'command' },
  { name: 'checks', argv: ['npm', 'run', '--silent', 'check'], counts: 'command' },
  { name: 'unit tests', argv: ['vitest', 'run', '--project', 'unit'], counts: 'vitest' },
  realTime('local tests', 'local'),
  // Makes the Python that it needs on first use, for which it needs a package registry.
  { name: 'trainer', argv: ['npm', 'run', '--silent', 'trainer:test', '--'], counts: 'pytest' },
  // Each layer installs and builds what it needs where it may; where it cannot run, its stage fails.
  realTime('apiserver layer', 'apiserver'),
  realTime('scale layer', 'scale'),
  realTime('node layer', 'node'),
  {
    name: 'claims of tier ci',
    argv: [
      ...['npm', 'run', '--silent', 'claims', '--', '--tier', 'ci'],
      ...['--at-once', '3', '--again', '--json-file'],
    ],
    counts: 'claims',
  },
];

const zClaim = z.object({
  ...{ key: z.string(), number: z.number(), result: z.string(), figure: z.string() },
});
const zClaimsReport = z.object({
  ...{ passed: z.number(), failed: z.number(), notRun: z.number() },
  ...{ results: z.array(zClaim), secondTries: z.array(zClaim) },
});

interface StageResult extends TestCount {
  readonly failures: readonly Failure[];
  /** What failed at its first try and passed at its second. */
  readonly secondTries: readonly Failure[];
}

const NONE = { failures: [], secondTries: [] } as const;
const READERS = { vitest: testsOf, pytest: pytestOf, claims: claimsOf } as const;
const folder = await mkdtemp(join(tmpdir(), 'clawgym-test-all-'));
const started = performance.now();
const total = { passed: 0, failed: 0, notRun: 0 };
const rows: string[] = [];
const failures: string[] = [];
const secondTries: string[] = [];
try {
  for (const stage of STAGES) {
    const began = performance.now();
    process.stdout.write(`\n=== ${stage.name}: ${stage.argv.join(' ')}\n`);
    const count = await runStage(stage, folder);
    failures.push(...count.failures.map((failure) => failureText(stage, failure)));
    secondTries.push(...count.secondTries.map((failure) => failureText(stage, failure)));
    total.passed += count.passed;
    total.failed += count.failed;
    total.notRun += count.notRun;
    rows.push(row(stage.name, count, seconds(began)));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (secondTries.length > 0) {
  process.stdout.write(`\n=== passed at the second try\n${secondTries.join('\n')}\n`);
}
if (failures.length > 0) process.stdout.write(`\n=== failed\n${failures.join('\n')}\n`);
process.stdout.write(`\n${rows.join('\n')}\ntotal ${seconds(started)}\n`);
if (total.notRun > 0 && sharedDataFolder() === undefined) {
  process.stdout.write(`${total.notRun} not run: ${whyNoSharedData()}\n`);
}
const skipped = total.notRun === 0 ? '' : `, ${total.notRun} skipped`;
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed === 0 ? 0 : 1;

function row(name: string, result: StageResult, took: string): string {
  const { passed, failed, notRun, secondTries: again } = result;
  const counts = [`${passed} passed`, `${failed} failed`, `${notRun} not run`];
  const columns = [...counts, `${again.length} at 2nd try`, took];
  return name.padEnd(20) + columns.map((column) => column.padStart(14)).join('');
}

function failureText(stage: Stage, { name, why }: Failure): string {
  return `${stage.name}: ${name}\n${why.replaceAll(/^/gm, '    ')}`;
}

async function runStage(stage: Stage, scratch: string): Promise<StageResult> {
  const report = join(scratch, `${stage.name.replaceAll(' ', '-')}.json`);
  const exit = await run(withReport(stage, report));
  if (stage.counts === 'command') {
    if (exit === 0) return { passed: 1, failed: 0, notRun: 0, ...NONE };
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
  return { ...countPytest(report), ...NONE, failures: pytestFailures(report) };
}

function testsOf(report: string): StageResult {
  const root = process.cwd();
  const told = { failures: failuresOf(report, root), secondTries: secondTriesOf(report, root) };
  return { ...countTests(report), ...told };
}

function claimsOf(report: string): StageResult {
  const { results, secondTries, ...count } = zClaimsReport.parse(JSON.parse(report));
  const told = ({ key, number, figure }: z.infer<typeof zClaim>): Failure => ({
    ...{ name: `${key}.${number}`, why: figure },
  });
  const failed = results.filter(({ result }) => result === 'fails');
  return { ...count, failures: failed.map(told), secondTries: secondTries.map(told) };
}

function failedWhole(stage: Stage, why: string): StageResult {
  const failures = [{ name: stage.argv.join(' '), why }];
  return { passed: 0, failed: 1, notRun: 0, ...NONE, failures };
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
    // The same cases of each property in every line; `npm run test:unit` tries others each time.
    const env = { CLAWGYM_PROPERTY_SEED: '1', ...process.env };
    const child = spawn(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)}s`;
}
