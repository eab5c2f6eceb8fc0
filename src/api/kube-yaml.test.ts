import { expect, test } from 'vitest';
import { loadDocument, splitDocuments } from './kube-yaml.ts';

/** What Go's YAML reader, and so kubectl, makes of plain scalars. */
test.each<[string, unknown]>([
  ['yes', true],
  ['off', false],
  ['true', true],
  ['~', null],
  ['012', 10],
  ['08', 8],
  ['0o7', 7],
  ['0x1f', 31],
  ['-0b11', -3],
  ['1_000', 1000],
  ['1e3', 1000],
  ['.5', 0.5],
  ['20:30', '20:30'],
  ['2026-01-01', '2026-01-01'],
  ['1.2.3', '1.2.3'],
  ["'012'", '012'],
  ['_', '_'],
  ['_1', '_1'],
  ['+1', 1],
  ['y', true],
  ['tRUE', 'tRUE'],
  ['{<<: {a: 1}, b: 2}', { a: 1, b: 2 }],
])('%s', (source, value) => {
  expect(loadDocument(source)).toEqual(value);
});

test('documents split at --- in the first column only, and know their line', () => {
  const stream = 'a: |\n  ---\n  x\n--- # next\nb: 1\n---\n\n# only a comment\n---\r\nc: 2\r\n';
  expect(splitDocuments(stream).map(({ index, line }) => [index, line])).toEqual([
    [1, 1],
    [2, 4],
    [3, 9],
  ]);
  expect(splitDocuments(stream).map(({ text }) => loadDocument(text))).toEqual([
    { a: '---\nx\n' },
    { b: 1 },
    { c: 2 },
  ]);
});
