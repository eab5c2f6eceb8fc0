import { expect, it } from 'vitest';
import { asBatchId, asRolloutId } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { NO_SCORE, type Outcome } from '../../rollouts/outcome.ts';
import type { RolloutRow } from '../../store/records.ts';
import { evaluationFacts } from './evaluation-facts.ts';

const PLACE = { step: 5, policyVersion: 4 };

/** A decided rollout: its task, and its score or what became of it instead. */
const row = ([taskId, end]: readonly [string, number | Outcome], position: number): RolloutRow => ({
  ...{ id: asRolloutId(`r/${position}`), batch: asBatchId('r'), taskId, position },
  ...{ taskDigest: sha256(taskId), sample: position, retriesFrom: 0 },
  decision: {
    ...{ outcome: typeof end === 'number' ? 'scored' : end, reason: '', attempt: undefined },
    ...{ asLeft: undefined, checks: [], findings: [], decidedAt: 1 },
    score: { ...NO_SCORE, final: typeof end === 'number' ? end : null },
  },
});

it.each<[string, readonly (readonly [string, number | Outcome])[], object]>([
  [
    'of single samples',
    [
      ['a', 1],
      ['b', 0],
    ],
    { rollouts: 2, rewarded: 2, score: 0.5, low: 0.0945, high: 0.9055 },
  ],
  [
    'is a mean over tasks: a task with fewer scores counts no less',
    [
      ['a', 1],
      ['a', 1],
      ['a', 1],
      ['b', 0],
      ['b', 'infra_error'],
      ['b', 'verifier_error'],
    ],
    { rollouts: 6, rewarded: 4, score: 0.5, low: 0, high: 1 },
  ],
  [
    'has no interval where one task counts',
    [
      ['a', 0.25],
      ['b', 'not_gradable'],
    ],
    { rollouts: 2, rewarded: 1, score: 0.25 },
  ],
  ['has no score where none counts', [['a', 'infra_error']], { rollouts: 1, rewarded: 0 }],
])('the score of an evaluation %s', (_what, rollouts, expected) => {
  const { interval, score, ...facts } = evaluationFacts(PLACE, rollouts.map(row));
  expect({
    ...facts,
    ...(score !== null && { score }),
    ...(interval && { low: round(interval.low), high: round(interval.high) }),
  }).toEqual({ ...PLACE, ...expected });
});

const round = (value: number): number => Number(value.toFixed(4));
