import { z } from 'zod';

/** What is read of vitest's JSON report. */
const zVitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numFailedTestSuites: z.number(),
  numPendingTests: z.number(),
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
