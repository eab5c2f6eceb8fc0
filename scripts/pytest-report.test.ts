import { describe, expect, it } from 'vitest';
import { countPytest, pytestFailures } from './pytest-report.ts';

const REPORT = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="5" time="0.1"><testcase classname="tests.test_a" name="test_good" time="0.001" /><testcase classname="tests.test_a" name="test_bad[&lt;x&gt;]" time="0.001"><failure message="AssertionError: assert &quot;a&quot; == 1&#10;  +  where">long text</failure></testcase><testcase classname="tests.test_b" name="test_set_up" time="0.1"><error message="failed on setup">x</error></testcase></testsuite></testsuites>`;

describe("a report of pytest's", () => {
  it('is counted; what did not get to its test failed', () => {
    expect(countPytest(REPORT)).toEqual({ passed: 2, failed: 2, notRun: 1 });
  });

  it('names what failed and why', () => {
    expect(pytestFailures(REPORT)).toEqual([
      {
        name: 'tests.test_a > test_bad[<x>]',
        why: 'AssertionError: assert "a" == 1\n  +  where',
      },
      { name: 'tests.test_b > test_set_up', why: 'failed on setup' },
    ]);
  });

  it('is not taken for one without failures where it is none', () => {
    expect(() => countPytest('')).toThrow('no count of tests');
  });
});
