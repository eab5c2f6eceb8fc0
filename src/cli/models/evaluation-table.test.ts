import { expect, it } from 'vitest';
import { evaluationTable } from './evaluation-table.ts';

it('shows each evaluation with how many rollouts count, and a score only where one does', () => {
  const first = { step: 5, n: 8, score: '0.2500', scoreLow: '0.0000', scoreHigh: '0.6100' };
  expect(evaluationTable([first, { step: 10, n: 1, score: '1.0000' }, { step: 15, n: 0 }])).toBe(
    [
      'EVALUATION      SCORE    95% INTERVAL    N',
      'after step 5    0.2500   0.0000-0.6100   8',
      'after step 10   1.0000   -               1',
      'after step 15   -        -               0',
      '',
    ].join('\n'),
  );
});

it.each([[undefined], [[]]])('says nothing of a model without any: %j', (none) => {
  expect(evaluationTable(none)).toBe('');
});
