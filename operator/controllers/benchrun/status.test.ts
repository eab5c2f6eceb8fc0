import { describe, expect, test } from 'vitest';
import { benchRun } from '../../../src/api/bench-run.ts';
import type { BenchResultsAnswer } from '../../../src/protocol/operator-api.ts';
import { zBenchResultsAnswer } from '../../../src/protocol/operator-api.ts';
import { kstatus } from '../../../test/support/kstatus.ts';
import { armBatchOf, BATCH, benchOf, condition, NOW } from '../../../test/support/run-objects.ts';
import { DIGEST } from '../../../test/support/sample-objects.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import type { BatchStatus } from '../shared/kinds.ts';
import { planBench } from './plan.ts';
import { benchStatus, endedStatus } from './status.ts';
import { lowestCoverage, scoreLine } from './summary.ts';

const arm = (name: string, more: object = {}) => ({
  ...{ name, planned: 6, decided: 6, outcomes: { scored: 6 }, tokens: 0, seconds: 12 },
  ...more,
});
const answerOf = (results: boolean): BenchResultsAnswer =>
  zBenchResultsAnswer.parse({
    ...(results ? { results: DIGEST } : {}),
    arms: [
      arm('nop', { score: '0.0000', coverage: '1.0000', outcomes: { scored: 5, undecided: 1 } }),
      arm('lazy', { score: '0.1040', scoreLow: '0.0500', scoreHigh: '0.1600', coverage: '0.9833' }),
    ],
  });

interface Given {
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
  readonly batches?: readonly (readonly [string, unknown])[];
  readonly answer?: BenchResultsAnswer;
  readonly trouble?: { readonly reason: string; readonly message: string };
}

function given({ spec, status, batches = [], answer, trouble }: Given) {
  const bench = benchOf(spec, status);
  const children = batches.map(([name, batch]) => armBatchOf(bench, name, batch as BatchStatus));
  const plan = planBench(bench, children, NOW);
  const next = benchStatus({ bench, plan, answer, trouble }, NOW);
  return { bench, next };
}

const both = (status: unknown) =>
  [
    ['nop', status],
    ['lazy', status],
  ] as const;
const unschedulable = {
  ...BATCH.running,
  conditions: [condition('Planned'), condition('Progressing', 'False', 'Unschedulable', 'no room')],
};
const refused = {
  conditions: [
    condition('Planned', 'False', 'NamespaceNotRestricted', 'label it'),
    condition('Progressing', 'False', 'Blocked'),
    condition('Stalled', 'True', 'NeedsAction', 'label it'),
  ],
};
const queued = {
  ...BATCH.running,
  conditions: [
    condition('Planned'),
    condition('Progressing', 'False', 'Queued'),
    condition('Suspended', 'True', 'JobSuspended', 'by the queue'),
  ],
};
const away = { reason: 'ServerUnavailable', message: 'no answer in time' };

/** Name, what is given, Planned, Progressing, terminal and suspended conditions, kstatus. */
describe('the conditions of a bench', () => {
  test.each<[string, Given, string, string, readonly string[], string]>([
    ['new', {}, 'Unknown Waiting', 'True Planning', [], 'InProgress'],
    [
      'first arm made',
      { batches: [['nop', BATCH.fresh]] },
      'Unknown Waiting',
      'True Planning',
      [],
      'InProgress',
    ],
    [
      'planned',
      { batches: both(BATCH.planned) },
      'True TaskSetFrozen',
      'True Planning',
      [],
      'InProgress',
    ],
    [
      'running',
      { batches: both(BATCH.running) },
      'True TaskSetFrozen',
      'True Running',
      [],
      'InProgress',
    ],
    [
      'one arm is done',
      {
        batches: [
          ['nop', BATCH.complete],
          ['lazy', BATCH.running],
        ],
        answer: answerOf(false),
      },
      'True TaskSetFrozen',
      'True Running',
      [],
      'InProgress',
    ],
    [
      'an arm cannot be planned',
      { batches: [['nop', refused]] },
      'False NamespaceNotRestricted',
      'False Blocked',
      [],
      'Failed',
    ],
    [
      'no room for any arm',
      { batches: both(unschedulable) },
      'True TaskSetFrozen',
      'False Unschedulable',
      [],
      'InProgress',
    ],
    [
      'no room for one arm, the other one runs',
      {
        batches: [
          ['nop', unschedulable],
          ['lazy', BATCH.running],
        ],
      },
      'True TaskSetFrozen',
      'True Running',
      [],
      'InProgress',
    ],
    [
      'suspended before it began',
      { spec: { suspend: true } },
      'Unknown Waiting',
      'False Suspended',
      ['Suspended'],
      'Current',
    ],
    [
      'suspended while it ran',
      { spec: { suspend: true }, batches: both(BATCH.running) },
      'True TaskSetFrozen',
      'False Suspended',
      ['Suspended'],
      'Current',
    ],
    [
      'held by a queue',
      { batches: both(queued) },
      'True TaskSetFrozen',
      'False Suspended',
      ['Suspended'],
      'Current',
    ],
    [
      'the server is away, arms run',
      { batches: both(BATCH.running), trouble: away },
      'True TaskSetFrozen',
      'False ServerUnavailable',
      [],
      'InProgress',
    ],
    [
      'all arms are done, no answer yet',
      { batches: both(BATCH.complete), trouble: away },
      'True TaskSetFrozen',
      'False ServerUnavailable',
      ['SuccessCriteriaMet'],
      'InProgress',
    ],
    [
      'all arms are done, results are not stored yet',
      { batches: both(BATCH.complete), answer: answerOf(false) },
      'True TaskSetFrozen',
      'True Finishing',
      ['SuccessCriteriaMet'],
      'InProgress',
    ],
    [
      'complete',
      { batches: both(BATCH.complete), answer: answerOf(true) },
      'True TaskSetFrozen',
      'False Complete',
      ['SuccessCriteriaMet', 'Complete'],
      'Current',
    ],
    [
      'complete although suspended late',
      { spec: { suspend: true }, batches: both(BATCH.complete), answer: answerOf(true) },
      'True TaskSetFrozen',
      'False Complete',
      ['SuccessCriteriaMet', 'Complete'],
      'Current',
    ],
    [
      'one arm failed, the other one runs',
      {
        batches: [
          ['nop', BATCH.failed],
          ['lazy', BATCH.running],
        ],
      },
      'True TaskSetFrozen',
      'True Stopping',
      ['FailureTarget'],
      'InProgress',
    ],
    [
      'failed',
      {
        batches: [
          ['nop', BATCH.failed],
          ['lazy', BATCH.complete],
        ],
        answer: answerOf(true),
      },
      'True TaskSetFrozen',
      'False Failed',
      ['FailureTarget', 'Failed'],
      'Failed',
    ],
    [
      'arms that are no arms',
      { spec: { arms: ['a', 'b'].map((name) => ({ name, agent: { name: 'cheat' } })) } },
      'False InvalidArms',
      'False InvalidArms',
      [],
      'Failed',
    ],
    [
      'a batch that cannot be made',
      { trouble: { reason: 'BatchRefused', message: 'the name is taken' } },
      'Unknown Waiting',
      'False BatchRefused',
      [],
      'InProgress',
    ],
  ])('%s', (_name, what, planned, progressing, holding, read) => {
    const { bench, next } = given(what);
    const said = (type: string) => {
      const found = findCondition(next.conditions, type);
      return `${found?.status} ${found?.reason}`;
    };
    expect({ planned: said('Planned'), progressing: said('Progressing') }).toEqual({
      planned,
      progressing,
    });
    const watched = ['Suspended', 'SuccessCriteriaMet', 'Complete', 'FailureTarget', 'Failed'];
    expect(
      watched.filter((type) => findCondition(next.conditions, type)?.status === 'True'),
    ).toEqual(holding);
    expect(kstatus({ metadata: bench.metadata, status: next })).toBe(read);
    expect(benchRun.status.safeParse(next).error?.issues).toBeUndefined();
  });

  test('every one that is no has a sentence that says what to do', () => {
    const cases = [
      given({ batches: [['nop', refused]] }),
      given({ batches: both(unschedulable) }),
      given({ spec: { suspend: true } }),
      given({
        batches: [
          ['nop', BATCH.failed],
          ['lazy', BATCH.complete],
        ],
        answer: answerOf(true),
      }),
    ];
    const words = cases.map(({ next }) => findCondition(next.conditions, 'Progressing')?.message);
    expect(words).toEqual([
      'arm nop: Progressing message',
      'arm nop: no room',
      'spec.suspend is true; set it to false to go on',
      expect.stringMatching(/^arm nop \(RolloutBatch first-nop-\w+\): took too long$/),
    ]);
  });

  test('what an arm finds out about the network is passed on, the worst first', () => {
    const isolated = (status: 'True' | 'False') => ({
      ...BATCH.running,
      conditions: [
        ...BATCH.running.conditions,
        condition('NetworkIsolated', status, `Probed${status}`),
      ],
    });
    const { next } = given({
      batches: [
        ['nop', isolated('True')],
        ['lazy', isolated('False')],
      ],
    });
    expect(findCondition(next.conditions, 'NetworkIsolated')).toMatchObject({
      status: 'False',
      reason: 'ProbedFalse',
      message: 'arm lazy: NetworkIsolated message',
    });
    const none = given({ batches: both(BATCH.running) });
    expect(findCondition(none.next.conditions, 'NetworkIsolated')).toBeUndefined();
  });

  test('keep the time of their last change', () => {
    const before = given({ batches: both(BATCH.running) }).next;
    const old = '2025-12-31T00:00:00Z';
    const conditions = before.conditions?.map((each) => ({ ...each, lastTransitionTime: old }));
    const after = given({ status: { ...before, conditions }, batches: both(BATCH.complete) }).next;
    expect(findCondition(after.conditions, 'Planned')?.lastTransitionTime).toBe(old);
    expect(findCondition(after.conditions, 'SuccessCriteriaMet')?.lastTransitionTime).toBe(
      '2026-01-01T00:01:00Z',
    );
  });
});

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
