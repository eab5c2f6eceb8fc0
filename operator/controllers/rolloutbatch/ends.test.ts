import { describe, expect, test } from 'vitest';
import { asSha256 } from '../../../src/base/brand.ts';
import { batchState, jobState } from '../../../test/support/batch-cases.ts';
import { statusBatch as batch, statusInput as input } from '../../../test/support/batch-status.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import { isOver } from '../shared/life.ts';
import { batchStatus } from './status.ts';
import type { StatusInput } from './status-input.ts';

const results = { results: asSha256('b'.repeat(64)), decided: 10, pending: 0 };

describe('the end', () => {
  const ENDS = ['SuccessCriteriaMet', 'Complete', 'FailureTarget', 'Failed'];
  test.each<readonly [string, Partial<StatusInput>, readonly string[]]>([
    ['runs', {}, []],
    ['all decided', { state: batchState({ decided: 10 }) }, ['SuccessCriteriaMet']],
    [
      'results stored, a Job still lives',
      { state: batchState({ ...results, jobs: [jobState('a')] }) },
      ['SuccessCriteriaMet'],
    ],
    [
      'results stored',
      { state: batchState({ ...results, jobs: [jobState('a', { live: false })] }) },
      ['SuccessCriteriaMet', 'Complete'],
    ],
    ['out of time', { mode: 'stop' }, ['FailureTarget']],
    [
      'out of time, all ended',
      { mode: 'stop', state: batchState(results) },
      ['FailureTarget', 'Failed'],
    ],
  ])('%s', (_name, more, expected) => {
    const { conditions } = batchStatus(input(more));
    const there = ENDS.filter((type) => findCondition(conditions, type)?.status === 'True');
    expect(there).toEqual(expected);
    expect(isOver({ status: { conditions } })).toBe(
      expected.some((type) => ['Complete', 'Failed'].includes(type)),
    );
  });

  test('says what came of it, and where missing data is explained', () => {
    const words = (more: Parameters<typeof batchState>[0]) => {
      const { conditions } = batchStatus(input({ state: batchState({ ...results, ...more }) }));
      return findCondition(conditions, 'Complete')?.message;
    };
    const stored = 'results stored';
    expect(words({ outcomes: { scored: 10 } })).toBe(`10 rollouts decided (10 scored), ${stored}`);
    expect(words({ outcomes: { scored: 8, infra_error: 2 }, failedIndexes: '3,7' })).toBe(
      `10 rollouts decided (8 scored, 2 infra_error), ${stored}; some have no result, and why: clawgym get rollouts demo --namespace runs`,
    );
  });

  test('a run that was failing stays so, also where more time is given later', () => {
    const stopping = batchStatus(input({ mode: 'stop' }));
    const later = batchStatus(
      input({
        batch: batch({ activeDeadlineSeconds: 99_999 }, stopping),
        state: batchState(results),
      }),
    );
    expect(findCondition(later.conditions, 'Failed')?.status).toBe('True');
    expect(findCondition(later.conditions, 'Stalled')).toMatchObject({
      status: 'True',
      reason: 'RunFailed',
    });
    expect(findCondition(later.conditions, 'SuccessCriteriaMet')).toBeUndefined();
  });
});
