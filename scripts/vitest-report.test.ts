import { describe, expect, it } from 'vitest';
import { countTests, failuresOf } from './vitest-report.ts';

const passed = { fullName: 'adds', status: 'passed', failureMessages: [] };
const failed = {
  fullName: 'a batch ends',
  status: 'failed',
  failureMessages: [
    '\u001b[31mAssertionError\u001b[39m: expected 1 to be 2\n    at batch.test.ts:3',
  ],
};

function report(files: readonly object[], counts: object = {}): string {
  const none = { numPassedTests: 0, numFailedTests: 0, numFailedTestSuites: 0, numPendingTests: 0 };
  return JSON.stringify({ ...none, ...counts, testResults: files });
}

describe('the report of a test run', () => {
  it('counts a file that failed without a failed test', () => {
    expect(countTests(report([], { numPassedTests: 4, numFailedTestSuites: 1 }))).toEqual({
      passed: 4,
      failed: 1,
      notRun: 0,
    });
  });

  it('names each failed test with its file and why, without colours', () => {
    const file = {
      name: '/r/test/a.test.ts',
      status: 'failed',
      assertionResults: [passed, failed],
    };
    expect(failuresOf(report([file]), '/r')).toEqual([
      {
        name: 'test/a.test.ts > a batch ends',
        why: 'AssertionError: expected 1 to be 2\n    at batch.test.ts:3',
      },
    ]);
  });

  it('names a file that failed outside of its tests', () => {
    const file = {
      name: '/r/b.test.ts',
      status: 'failed',
      message: 'no port',
      assertionResults: [passed],
    };
    expect(failuresOf(report([file]), '/r')).toEqual([{ name: 'b.test.ts', why: 'no port' }]);
  });

  it('keeps the first lines of a long reason', () => {
    const long = {
      ...failed,
      failureMessages: [Array.from({ length: 90 }, (_, i) => i).join('\n')],
    };
    const file = { name: '/r/c.test.ts', status: 'failed', assertionResults: [long] };
    expect(failuresOf(report([file]), '/r')[0]?.why.split('\n')).toHaveLength(12);
  });
});
