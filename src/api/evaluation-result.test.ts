import { expect, it } from 'vitest';
import { evaluationResult, zEvaluationResult } from './evaluation-result.ts';

type Found = Parameters<typeof evaluationResult>[0];
const found = (part: Partial<Found>): Found => ({
  ...{ step: 5, rewarded: 8, score: 0.5, interval: { low: 0.25, high: 0.75 } },
  ...part,
});

it.each<[string, Found, object]>([
  [
    'with an interval',
    found({}),
    { step: 5, n: 8, score: '0.5000', scoreLow: '0.2500', scoreHigh: '0.7500' },
  ],
  ['of one task', found({ rewarded: 1, interval: null }), { step: 5, n: 1, score: '0.5000' }],
  [
    'that nothing counts of',
    found({ rewarded: 0, score: null, interval: null }),
    { step: 5, n: 0 },
  ],
  [
    'at the ends',
    found({ score: 1, interval: { low: 1 / 3, high: 1 } }),
    { step: 5, n: 8, score: '1.0000', scoreLow: '0.3333', scoreHigh: '1.0000' },
  ],
])('an evaluation %s', (_what, facts, result) => {
  expect(evaluationResult(facts)).toEqual(result);
  expect(zEvaluationResult.strict().parse(result)).toEqual(result);
});
