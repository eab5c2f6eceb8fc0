import type { Failure, TestCount } from './vitest-report.ts';

const SUITE = /<testsuite [^>]*>/;
const CASE =
  /<testcase classname="([^"]*)" name="([^"]*)"[^>]*>\s*<(?:failure|error) message="([^"]*)"/g;
const WHY_LENGTH = 600;
const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&amp;': '&',
  '&#10;': '\n',
};

/** The count in a report that pytest wrote with `--junit-xml`. */
export function countPytest(report: string): TestCount {
  const suite = SUITE.exec(report)?.[0] ?? '';
  const [all, skipped] = [number(suite, 'tests'), number(suite, 'skipped')];
  const failed = number(suite, 'failures') + number(suite, 'errors');
  return { passed: all - failed - skipped, failed, notRun: skipped };
}

/** Every test of such a report that failed, with the beginning of why. */
export function pytestFailures(report: string): readonly Failure[] {
  return [...report.matchAll(CASE)].map(([, file = '', name = '', why = '']) => ({
    name: `${file} > ${plain(name)}`,
    why: plain(why).slice(0, WHY_LENGTH),
  }));
}

function number(tag: string, attribute: string): number {
  const found = new RegExp(` ${attribute}="([0-9]+)"`).exec(tag)?.[1];
  if (found === undefined) throw new Error(`the report of pytest has no count of ${attribute}`);
  return Number(found);
}

function plain(text: string): string {
  return text.replaceAll(/&(?:lt|gt|quot|amp|#10);/g, (entity) => ENTITIES[entity] ?? entity);
}
