import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { parseClaimFile } from './claim-file.ts';
import { mergeResults, parseClaimsPage, renderClaimsPage } from './claims-page.ts';
import { runClaim } from './run-claim.ts';
import { type ClaimsOptions, type ClaimsSummary, claimGroups, runClaims } from './run-claims.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clawgym-claims-'));
  mkdirSync(join(root, 'docs', 'claims'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const claim = (number: number, command: string, more = ''): string =>
  `  - {number: ${number}, sentence: "Claim ${number} | holds", command: ${JSON.stringify(command)}, tier: ci, minutes: 1${more}}\n`;
const file = (key: string, ...claims: string[]): void =>
  writeFileSync(
    join(root, 'docs', 'claims', `${key}.yaml`),
    `key: ${key}\ntitle: About ${key}\nclaims:\n${claims.join('')}`,
  );
const page = (): string => readFileSync(join(root, 'docs', 'claims.md'), 'utf8');
const printed: string[] = [];

function run(options: Partial<ClaimsOptions> = {}): Promise<ClaimsSummary> {
  printed.length = 0;
  return runClaims({
    root,
    logFolder: join(root, 'out'),
    keys: [],
    tier: undefined,
    clock: { ...systemClock, now: () => Date.UTC(2026, 10, 21) },
    host: '2 cores, 24 GiB',
    noData: undefined,
    signal: new AbortController().signal,
    print: (line) => printed.push(line),
    ...options,
  });
}

test('a claim holds by exit code 0 and its figure is the last non-empty line of stdout', async () => {
  file(
    'a',
    claim(1, 'echo first; echo noise >&2; printf "\\033[1m0.125\\033[0m\\n\\n"', ', unit: s'),
  );
  const summary = await run();
  expect(summary).toMatchObject({ passed: 1, failed: 0 });
  expect(page()).toContain(
    '| 1 | Claim 1 \\| holds | ci | holds | 0.125 s | 2026-11-21 | 2 cores, 24 GiB | 0 |\n',
  );
  const log = readFileSync(join(root, 'out', 'a-1.log'), 'utf8');
  expect(log).toContain('first');
  expect(log).toContain('noise');
});

test.each([
  ['as it is up to 400 characters', `${'word '.repeat(79)}fives`, `${'word '.repeat(79)}fives`],
  ['at a word beyond', `${'word '.repeat(79)}longer word`, `${'word '.repeat(79).trimEnd()} …`],
  ['without words at the limit', 'x'.repeat(401), `${'x'.repeat(400)} …`],
])('a figure is kept %s', async (_what, printedLine, figure) => {
  file('a', claim(1, `echo '${printedLine}'`));
  expect((await run()).results).toMatchObject([{ figure }]);
});

test('a failing claim fails the run, shows the end of its log and leaves the others alone', async () => {
  file('a', claim(1, 'echo 7; echo why it failed >&2; exit 3'), claim(2, 'echo ok'));
  const summary = await run();
  expect(summary).toMatchObject({ passed: 1, failed: 1 });
  expect(summary.results[0]).toMatchObject({ result: 'fails', figure: '7 (exit code 3)' });
  expect(printed.join('\n')).toContain('| why it failed');
});

test('rows of keys and tiers that were not run are kept', async () => {
  file('a', claim(1, 'echo 1'), claim(2, 'echo 2', '').replace('tier: ci', 'tier: full'));
  file('b', claim(1, 'echo 3'));
  await run();
  await run({ keys: ['b'], clock: { ...systemClock, now: () => Date.UTC(2027, 0, 1) } });
  const dates = parseClaimsPage(page()).map(({ key, number, date }) => [key, number, date]);
  expect(dates).toEqual([
    ['a', 1, '2026-11-21'],
    ['a', 2, '2026-11-21'],
    ['b', 1, '2027-01-01'],
  ]);
  expect(
    (await run({ tier: 'full' })).results.map(({ key, number }) => `${key}.${number}`),
  ).toEqual(['a.2']);
});

test('single claims are named by key and number', async () => {
  file('a', claim(1, 'echo 1'), claim(2, 'echo 2'));
  file('b', claim(1, 'echo 3'));
  const { results } = await run({ keys: ['a.2', 'b'] });
  expect(results.map(({ key, number }) => `${key}.${number}`)).toEqual(['a.2', 'b.1']);
  await expect(run({ keys: ['a.3'] })).rejects.toThrow('no claims with the key a.3');
});

test('a reworded claim counts as not run, a vanished one leaves the page', async () => {
  file('a', claim(1, 'echo 1'), claim(2, 'echo 2'));
  await run();
  file('a', claim(1, 'echo 1').replace('| holds', 'is reworded'));
  await run({ tier: 'full' });
  expect(page()).toContain('| 1 | Claim 1 is reworded | ci | not run |  |  |  |  |');
  expect(page()).not.toContain('Claim 2');
});

test('without the public data a claim that needs it is neither run nor counted', async () => {
  file('a', claim(1, 'touch ran', ', needs: data'), claim(2, 'echo 2'));
  const summary = await run({ noData: 'CLAWGYM_DATA is not set' });
  expect(summary).toMatchObject({ passed: 1, failed: 0, notRun: 1 });
  expect(summary.results.map(({ number }) => number)).toEqual([2]);
  expect(existsSync(join(root, 'ran'))).toBe(false);
  expect(printed.filter((line) => line.includes('CLAWGYM_DATA'))).toEqual([
    'not run: a.1 (CLAWGYM_DATA is not set)',
  ]);
  expect(page()).toContain('| 1 | Claim 1 \\| holds | ci | not run |  |  |  |  |');
  expect(await run()).toMatchObject({ passed: 2, notRun: 0 });
});

test('an unknown key is refused with the known ones', async () => {
  file('a', claim(1, 'true'));
  await expect(run({ keys: ['nope'] })).rejects.toThrow(
    'no claims with the key nope; known keys: a',
  );
});

test('beside each other the long ones begin first, and those alone come last, one at a time', () => {
  const of = (...claims: [number, number, true?][]) =>
    claims.map(([number, minutes, alone]) => ({
      ...{ key: 'a', number, sentence: 's', command: 'c', tier: 'ci' as const, minutes },
      ...(alone && { alone }),
    }));
  const claims = of([1, 0.5], [2, 0.1, true], [3, 4], [4, 9, true], [5, 1]);
  const numbers = (atOnce: number) =>
    claimGroups(claims, atOnce).map((group) => [
      group.atOnce,
      ...group.claims.map(({ number }) => number),
    ]);
  expect(numbers(1)).toEqual([[1, 1, 2, 3, 4, 5]]);
  expect(numbers(3)).toEqual([
    [3, 3, 5, 1],
    [1, 2, 4],
  ]);
});

test('claims that run at once are all there together, and results keep the order of their files', async () => {
  const meet = (own: string, other: string): string =>
    `touch ${own}; until [ -e ${other} ]; do sleep 0.02; done; echo ${own}`;
  file(
    'a',
    claim(1, meet('one', 'two')),
    claim(2, 'ls one two && echo after', ', alone: true'),
    claim(3, meet('two', 'one')),
  );
  const { passed, results } = await run({ atOnce: 2 });
  expect(passed).toBe(3);
  expect(results.map(({ figure }) => figure)).toEqual(['one', 'after', 'two']);
  expect(parseClaimsPage(page()).map(({ number }) => number)).toEqual([1, 2, 3]);
});

test('a claim that fails runs once more where that is asked for, and what held only then is told', async () => {
  const later = 'if [ -e seen ]; then echo 2; else touch seen; echo 1; exit 3; fi';
  file('a', claim(1, later), claim(2, 'echo x >> tries; exit 4'), claim(3, 'echo 3'));
  expect(await run({ again: true })).toMatchObject({
    ...{ passed: 2, failed: 1 },
    results: [{ figure: '2' }, { result: 'fails' }, { figure: '3' }],
    secondTries: [{ key: 'a', number: 1, figure: '1 (exit code 3)' }],
  });
  expect(readFileSync(join(root, 'tries'), 'utf8')).toBe('x\nx\n');
  rmSync(join(root, 'seen'));
  expect(await run()).toMatchObject({ failed: 2, secondTries: [] });
});

test('a cancelled run kills the command and keeps its earlier row', async () => {
  file('a', claim(1, 'echo 1'));
  await run();
  file('a', claim(1, 'touch started; sleep 60; touch survived'));
  const controller = new AbortController();
  const running = run({ signal: controller.signal });
  await expect.poll(() => existsSync(join(root, 'started'))).toBe(true);
  controller.abort();
  expect(await running).toMatchObject({ passed: 0, failed: 1, results: [] });
  expect(parseClaimsPage(page())).toHaveLength(1);
});

test('a command over its time is killed with everything it started', async () => {
  const outcome = await runClaim('sleep 60 & echo $!; wait', {
    cwd: root,
    logFile: join(root, 'x.log'),
    timeoutSeconds: 0.3,
    signal: new AbortController().signal,
  });
  expect(outcome).toMatchObject({ passed: false, reason: 'no end within 0.3 s' });
  const child = Number(outcome.figure);
  await expect.poll(() => isRunning(child)).toBe(false);
});

/** A killed process that nobody has waited for yet is a zombie, which does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test.each([
  ['no claims', 'key: a\ntitle: t\nclaims: []', /claims/],
  [
    'same number twice',
    `key: a\ntitle: t\nclaims:\n${claim(1, 'true')}${claim(1, 'true')}`,
    /unique/,
  ],
  ['unknown tier', `key: a\ntitle: t\nclaims:\n${claim(1, 'true').replace('ci', 'daily')}`, /tier/],
  ['another key', `key: b\ntitle: t\nclaims:\n${claim(1, 'true')}`, /name the file b\.yaml/],
  ['no YAML', 'a: [', /docs\/claims\/a\.yaml/],
])('a claim file with %s is refused by name', (_name, text, message) => {
  expect(() => parseClaimFile(text, 'a.yaml')).toThrow(message);
});

test('the page reads back what it was written from', () => {
  const sentence = 'pipes | and \\ slashes \\| stay';
  const result = {
    key: 'a',
    number: 1,
    sentence,
    result: 'holds',
    figure: 'a|b\\',
    date: '2026-01-01',
    host: 'h',
    seconds: 3,
  } as const;
  const files = [
    parseClaimFile(
      `key: a\ntitle: t\nclaims:\n  - {number: 1, sentence: ${JSON.stringify(sentence)}, command: x, tier: ci, minutes: 1}`,
      'a.yaml',
    ),
  ];
  expect(parseClaimsPage(renderClaimsPage(files, [result]))).toEqual([result]);
  expect(mergeResults([result], [{ ...result, seconds: 4 }])).toEqual([{ ...result, seconds: 4 }]);
});
