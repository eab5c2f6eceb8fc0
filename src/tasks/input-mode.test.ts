import { expect, test } from 'vitest';
import { inputModes } from './input-mode.ts';

const INPUTS = [
  'config/app.yaml',
  'data/rows.csv',
  'docs/plan.md',
  'src/main.py',
  'input/mails/a.eml',
];
const editable = (text: string): string[] =>
  [
    ...inputModes(
      text,
      INPUTS.map((path) => ({ path })),
    ),
  ]
    .filter(([, mode]) => mode === 'editable')
    .map(([path]) => path);

test.each<[string, string[]]>([
  [
    'Modify config/app.yaml and src/main.py so that they agree with data/rows.csv.',
    ['config/app.yaml', 'src/main.py'],
  ],
  ['Please fix `src/main.py`.', ['src/main.py']],
  ['Add a key "retries" to config/app.yaml.', ['config/app.yaml']],
  ['Save your changes back to docs/plan.md', ['docs/plan.md']],
  ['- the updated docs/plan.md', ['docs/plan.md']],
  ['- docs/plan.md (to be updated as above)', ['docs/plan.md']],
  ['Edit docs/plan.md in place, replacing the second list.', ['docs/plan.md']],
  [
    'Read config/app.yaml and docs/plan.md, then apply these changes in place:',
    ['config/app.yaml', 'docs/plan.md'],
  ],
  ['Update LIMIT in src/main.py to match the keys in config/app.yaml.', ['src/main.py']],
  ['Update plan.md with the totals.', ['docs/plan.md']],
  ['Append one line to docs/plan.md for each row.', ['docs/plan.md']],
])('%j makes editable %j', (text, expected) => {
  expect(editable(text)).toEqual(expected);
});

test.each([
  'Read data/rows.csv and write output/sum.json.',
  'Do not modify data/rows.csv or config/app.yaml.',
  'Never edit docs/plan.md in place.',
  'Summarise docs/plan.md without changing src/main.py.',
  'Edit docs/plan.md and save the edited text to output/plan.md.',
  'Modify config/app.yaml and write the corrected version to output/app.yaml.',
  'Rewrite docs/plan.md into output/plan-final.md.',
  'Rewrite docs/plan.md to be shorter.',
  'Apply all updates, in the order given in data/rows.csv.',
  'For each mismatch print "Update config/app.yaml to match the code".',
  'Move the processed file into input/mails/.',
  'Fix wrong totals using data/rows.csv as the source of truth.',
  'The most recent change in docs/plan.md wins.',
  'Delete reports older than the setting in config/app.yaml.',
  'Implement the tool at output/tool.py following the rules in docs/plan.md.',
  '',
])('%j leaves every input protected', (text) => {
  expect(editable(text)).toEqual([]);
});

test('what the reference solution changes is editable whatever the text says', () => {
  const modes = inputModes(
    'Do the work.',
    [{ path: 'a.txt' }, { path: 'b.txt' }],
    new Set(['b.txt']),
  );
  expect(Object.fromEntries(modes)).toEqual({ 'a.txt': 'protected', 'b.txt': 'editable' });
});

test('a bare name that two inputs share names neither', () => {
  const modes = inputModes('Edit plan.md.', [{ path: 'a/plan.md' }, { path: 'b/plan.md' }]);
  expect([...modes.values()]).toEqual(['protected', 'protected']);
});

test('hostile text is read in bounded time', () => {
  const started = performance.now();
  inputModes('update '.repeat(20_000), [{ path: 'a.txt' }]);
  inputModes(`${'add '.repeat(900)}a.txt `.repeat(30), [{ path: 'a.txt' }]);
  inputModes('a.txt and '.repeat(20_000), [{ path: 'a.txt' }]);
  expect(performance.now() - started).toBeLessThan(3_000);
});
