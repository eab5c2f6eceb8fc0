import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

/** What is read of vitest's JSON report. */
const zVitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numFailedTestSuites: z.number(),
  numPendingTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().default(''),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

/** How many tests or claims passed, failed and could not run here. */
export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
}

/** Arguments that make vitest write the report to `file` beside its usual output. */
export function reportArguments(file: string): readonly string[] {
  return ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
}

/** A test that fails is tried so often again: see docs/adr/0021-a-second-try-is-told.md. */
export function retryArguments(retries: 0 | 1): readonly string[] {
  return [`--retry=${retries}`];
}

/** The count of a report; a file that failed without a failing test counts as one. */
export function countTests(report: string): TestCount {
  const data = zVitestReport.parse(JSON.parse(report));
  const suites = data.numFailedTests === 0 ? data.numFailedTestSuites : 0;
  return {
    passed: data.numPassedTests,
    failed: data.numFailedTests + suites,
    notRun: data.numPendingTests,
  };
}

/** A test, a file or a command that failed, and the first lines of why. */
export interface Failure {
  readonly name: string;
  readonly why: string;
}

const WHY_LINES = 12;

/** Every test of a report that failed, and every file that failed outside of its tests. */
export function failuresOf(report: string, root: string): readonly Failure[] {
  return zVitestReport.parse(JSON.parse(report)).testResults.flatMap((file) => {
    const path = relative(root, file.name);
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0) {
      return file.status === 'failed' ? [{ name: path, why: firstLines(file.message) }] : [];
    }
    return failed.map(({ fullName, failureMessages }) => ({
      name: `${path} > ${fullName}`,
      why: firstLines((failureMessages ?? []).join('\n')),
    }));
  });
}

/**
 * Every test of a report that passed after it had failed, with its first error: a report keeps the errors
 * of all tries of a test, so one that passed has none or was tried again.
 */
export function secondTriesOf(report: string, root: string): readonly Failure[] {
  return zVitestReport.parse(JSON.parse(report)).testResults.flatMap((file) =>
    file.assertionResults.flatMap(({ fullName, status, failureMessages }) => {
      const [first] = failureMessages ?? [];
      if (status !== 'passed' || first === undefined) return [];
      return [{ name: `${relative(root, file.name)} > ${fullName}`, why: firstLines(first) }];
    }),
  );
}

function firstLines(text: string): string {
  const lines = stripVTControlCharacters(text).trimEnd().split('\n');
  return lines.slice(0, WHY_LINES).join('\n').slice(0, 2_000);
}
