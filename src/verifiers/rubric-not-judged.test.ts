import { expect, test } from 'vitest';
import { rubricNotJudged } from './rubric-not-judged.ts';

const hybrid = {
  rubric: [{ name: 'tone', text: 'polite', weight: '1' }],
  weights: { code: '0.6', rubric: '0.4' },
};
const code = { flat: 0.5, native: 0.5, rubric: null, final: 0.5 };

test('a code score of a task with a rubric says that the rubric was not judged, and its weight', () => {
  const [finding, ...rest] = rubricNotJudged(hybrid, code);
  expect(rest).toEqual([]);
  expect(finding?.code).toBe('RubricNotJudged');
  expect(finding?.message).toContain('40%');
});

test.each([
  ['a judge scored it', hybrid, { ...code, rubric: 0 }],
  ['there is no score', hybrid, { flat: null, native: null, rubric: null, final: null }],
  ['the task has no rubric', { ...hybrid, rubric: undefined }, code],
])('nothing is said where %s', (_name, task, score) => {
  expect(rubricNotJudged(task, score)).toEqual([]);
});
