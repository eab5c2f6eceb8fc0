import { expect, test } from 'vitest';
import { sourceFileName } from './source-file-name.ts';

test.each([
  ['tasks.jsonl', 'tasks-tasks.jsonl'],
  ['../a/b', 'tasks-.._a_b'],
  [`${'k'.repeat(247)}.jsonl`, `tasks-${'k'.repeat(94)}.jsonl`],
])('%s becomes %s', (name, file) => {
  expect(sourceFileName(name)).toBe(file);
});
