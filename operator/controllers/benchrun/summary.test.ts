import { describe, expect, test } from 'vitest';
import { answerOf, both, given } from '../../../test/support/bench-view.ts';
import { kstatus } from '../../../test/support/kstatus.ts';
import { BATCH } from '../../../test/support/run-objects.ts';
import { DIGEST } from '../../../test/support/sample-objects.ts';
import { endedStatus } from './status.ts';
import { lowestCoverage, scoreLine } from './summary.ts';

const away = { reason: 'ServerUnavailable', message: 'no answer in time' };

describe('the summary of a bench', () => {
  test('while it runs: counts of the batches, scores of the server', () => {
    const { next } = given({ batches: both(BATCH.running), answer: answerOf(false) });
    expect(next).toMatchObject({
      observedGeneration: 1,
      taskSet: DIGEST,
      startTime: '2026-01-01T00:00:00Z',
      progress: '4/12',
      scores: 'nop 0.000, lazy 0.104',
      coverage: '0.9833',
    });
    expect(next.arms?.[1]).toEqual({
      name: 'lazy',
      rolloutBatchName: expect.stringMatching(/^first-lazy-/),
      ...{ planned: 6, decided: 2, score: '0.1040', scoreLow: '0.0500', scoreHigh: '0.1600' },
      ...{
        coverage: '0.9833',
        outcomes: [{ outcome: 'scored', count: 6 }],
        tokens: 0,
        seconds: 12,
      },
    });
    for (const field of ['completionTime', 'results', 'report'])
      expect(next).not.toHaveProperty(field);
  });

  test('outcomes that are none yet are no outcomes', () => {
    const { next } = given({ batches: both(BATCH.running), answer: answerOf(false) });
    expect(next.arms?.[0]?.outcomes).toEqual([{ outcome: 'scored', count: 5 }]);
  });

  test('while the server is away: the scores that were said stay', () => {
    const before = given({ batches: both(BATCH.running), answer: answerOf(false) }).next;
    const { next } = given({ status: before, batches: both(BATCH.running), trouble: away });
    expect({ scores: next.scores, coverage: next.coverage, arms: next.arms }).toEqual({
      scores: before.scores,
      coverage: before.coverage,
      arms: before.arms,
    });
  });

  test('at its end: the results, the report and the time of the last decision', () => {
    const { next } = given({ batches: both(BATCH.complete), answer: answerOf(true) });
    expect(next).toMatchObject({
      completionTime: '2026-01-01T00:00:30Z',
      progress: '12/12',
      results: { digest: DIGEST },
      report: 'clawgym report first --namespace lab --out first-report',
    });
  });

  test('after its end: the same for a newer generation', () => {
    const { bench, next } = given({ batches: both(BATCH.complete), answer: answerOf(true) });
    const newer = { ...bench, metadata: { ...bench.metadata, generation: 2 } };
    const later = endedStatus(newer, next);
    expect(kstatus({ metadata: newer.metadata, status: next })).toBe('InProgress');
    expect(kstatus({ metadata: newer.metadata, status: later })).toBe('Current');
    expect(later).toMatchObject({ results: { digest: DIGEST }, scores: next.scores });
    expect(endedStatus(bench, next)).toEqual(next);
  });

  test('of many arms fits a column', () => {
    const arms = Array.from({ length: 32 }, (_, index) => ({ name: `arm-${index}`, score: '0.5' }));
    const line = scoreLine(arms) ?? '';
    expect(line.length).toBeLessThan(100);
    expect(line).toMatch(/^arm-0 0\.500, .*, \d+ more$/);
    expect(scoreLine([{ name: 'a' }])).toBeUndefined();
    expect(lowestCoverage([])).toBeUndefined();
  });
});
