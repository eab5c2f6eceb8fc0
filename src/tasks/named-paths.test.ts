import { expect, test } from 'vitest';
import { distinctNamedPaths, namedPaths } from './named-paths.ts';

const paths = (text: string): string[] => namedPaths(text).map(({ path }) => path);

test.each<[string, string[]]>([
  ['Write `report.md` and output/sum.json.', ['report.md', 'output/sum.json']],
  ['Everything goes under build/ (no other folder).', ['build']],
  ['Save it as ./out/a.csv, then stop.', ['out/a.csv']],
  ['Put it at /root/.openclaw/workspace/output/x.txt', ['output/x.txt']],
  ['Never read /etc/passwd.txt or ../up.txt', []],
  ['Use Node.js and/or the client/server split; see https://a.example/x.json', []],
  ['Mail ann@example.com the file notes/plan.md', ['notes/plan.md']],
  ['Per day: logs/*.log, out/<id>/x.json, {name}.txt, memory/YYYY-MM-DD.md', []],
  ['Keys such as totals.count stay; version 1.2.3 too', []],
  ['Edit .env.example and "config/app.yaml"', ['.env.example', 'config/app.yaml']],
  ['Résumé: übersicht/größe.csv', ['übersicht/größe.csv']],
  ['Run python3 src/main.py --out=output/run1', ['src/main.py', 'output/run1']],
  ['(see docs/a.md); `b.py`: done', ['docs/a.md', 'b.py']],
  ['', []],
])('names in %j', (text, expected) => {
  expect(paths(text)).toEqual(expected);
});

test('marks folders and keeps the place of each mention', () => {
  const text = 'Make `output/` and output/a.txt';
  expect(namedPaths(text)).toEqual([
    { path: 'output', folder: true, index: 6, length: 7 },
    { path: 'output/a.txt', folder: false, index: 19, length: 12 },
  ]);
});

test('distinct paths keep the first mention', () => {
  expect(distinctNamedPaths('a.txt then b.txt then a.txt').map(({ path }) => path)).toEqual([
    'a.txt',
    'b.txt',
  ]);
});

test('takes long hostile text in bounded time', () => {
  const started = performance.now();
  namedPaths('a/'.repeat(100_000));
  namedPaths('.'.repeat(100_000));
  namedPaths('a.'.repeat(100_000));
  expect(performance.now() - started).toBeLessThan(2_000);
});
