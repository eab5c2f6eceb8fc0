import { describe, expect, it } from 'vitest';
import { rlSpec } from '../../test/support/rl/rl-bed.ts';
import { type EvaluationResult, evaluationResult } from '../api/evaluation-result.ts';
import { zTrainingSpec } from '../api/training-spec.ts';
import { sha256 } from '../base/digest.ts';
import { KEPT_EVALUATIONS, modelRecord } from './model-record.ts';
import { resolveRunSpec } from './resolve-run-spec.ts';

const recordOf = (evaluations: readonly EvaluationResult[] | undefined) =>
  modelRecord({
    ...{ name: 'rl', base: sha256('base'), data: undefined, taskSet: sha256('set'), evaluations },
    spec: resolveRunSpec(zTrainingSpec.parse(rlSpec()), {
      ...{ run: 'rl', name: 'rl', device: 'cpu', batches: { url: 'http://batches.invalid' } },
    }),
    result: { status: 'done', steps: 2, model: { path: 'model' }, versions: {} },
  });
const result = (step: number): EvaluationResult =>
  evaluationResult({ step, rewarded: 3, score: 0.5, interval: { low: 0.25, high: 0.75 } });

describe('the record of a model', () => {
  it('has what the evaluations of its run found, each with how many rollouts count', () => {
    expect(recordOf([result(1), { step: 2, n: 0 }])).toMatchObject({
      ...{ run: 'rl', steps: 2, parents: [sha256('base')] },
      evaluations: [
        { step: 1, n: 3, score: '0.5000', scoreLow: '0.2500', scoreHigh: '0.7500' },
        { step: 2, n: 0 },
      ],
    });
  });

  it.each([[undefined], [[]]])('has none of a run without any: %j', (none) => {
    expect(recordOf(none)).not.toHaveProperty('evaluations');
  });

  it('keeps the newest ones where there are very many', () => {
    const many = Array.from({ length: KEPT_EVALUATIONS + 2 }, (_, at) => result(at + 1));
    expect(recordOf(many).evaluations).toEqual(many.slice(2));
  });
});
