import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../test/support/temp-dir.ts';
import {
  countTests,
  failuresOf,
  reportArguments,
  retryArguments,
  secondTriesOf,
} from './vitest-report.ts';

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

/** Of what is made once only the first try is fresh; what each test makes is fresh at each try. */
const SAMPLE = `
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
let [all, each] = [0, 0];
describe('shared', () => {
  beforeAll(() => void (all += 1));
  beforeEach(() => void (each += 1));
  it('passes later', () => expect([all, each]).toEqual([1, 2]));
  it('never passes', () => expect(each, \`try \${each}\`).toBe(0));
  it('is tried once', { retry: 0 }, () => expect(each).toBe(0));
});
it('passes', () => undefined);
it.fails('fails as it should', () => expect(1).toBe(2));
`;

describe('a test run with a second try', () => {
  it.each([0, 1] as const)('tells of what passed at it (%i again)', async (retries) => {
    await using folder = await tempDir();
    writeFileSync(join(folder.path, 'sample.test.js'), SAMPLE);
    symlinkSync(join(import.meta.dirname, '../node_modules'), join(folder.path, 'node_modules'));
    const report = join(folder.path, 'report.json');
    const config = ['run', '--root', folder.path];
    const { status } = spawnSync(
      'vitest',
      [...config, ...retryArguments(retries), ...reportArguments(report)],
      { encoding: 'utf8' },
    );
    expect(status).toBe(1);
    const text = readFileSync(report, 'utf8');
    const names = (found: readonly { name: string }[]) => found.map(({ name }) => name);
    const later = 'sample.test.js > shared passes later';
    const failing = ['never passes', 'is tried once'].map(
      (name) => `sample.test.js > shared ${name}`,
    );
    expect(names(secondTriesOf(text, folder.path))).toEqual(retries === 0 ? [] : [later]);
    expect(names(failuresOf(text, folder.path))).toEqual(
      retries === 0 ? [later, ...failing] : failing,
    );
    expect(countTests(text)).toEqual({ passed: 2 + retries, failed: 3 - retries, notRun: 0 });
    if (retries === 0) return;
    // The first error of each: what a second try says comes after what is to be mended.
    expect(secondTriesOf(text, folder.path)[0]?.why).toContain('[ 1, 1 ]');
    expect(failuresOf(text, folder.path)[0]?.why).toMatch(/^AssertionError: try 3: /);
  });
});
