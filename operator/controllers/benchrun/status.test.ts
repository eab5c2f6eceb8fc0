import { describe, expect, test } from 'vitest';
import { benchRun } from '../../../src/api/bench-run.ts';
import { answerOf, both, type Given, given } from '../../../test/support/bench-view.ts';
import { kstatus } from '../../../test/support/kstatus.ts';
import { BATCH, condition } from '../../../test/support/run-objects.ts';
import { findCondition } from '../../kube/objects/conditions.ts';

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
/** Its model is being trained, or is not before somebody does something. */
const awaiting = (held: boolean) => ({
  conditions: [
    condition('Planned', held ? 'False' : 'Unknown', 'WaitingForModel', 'TrainingRun lab/sft'),
    condition('Progressing', 'False', 'WaitingForModel', 'TrainingRun lab/sft'),
    condition('Stalled', held ? 'True' : 'False', 'NeedsAction', 'TrainingRun lab/sft'),
  ],
});
const queued = {
  ...BATCH.running,
  conditions: [
    condition('Planned'),
    condition('Progressing', 'False', 'Queued'),
    condition('Suspended', 'True', 'JobSuspended', 'by the queue'),
  ],
};
/** Suspended no more by its spec; its status does not say so yet. */
const resuming = {
  ...BATCH.running,
  conditions: [condition('Planned'), condition('Suspended', 'True', 'SuspendRequested')],
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
      'an arm waits for a model that is being trained',
      { batches: [['nop', awaiting(false)]] },
      'Unknown WaitingForModel',
      'False WaitingForModel',
      [],
      'InProgress',
    ],
    [
      'an arm waits for a model that is not trained by itself',
      { batches: [['nop', awaiting(true)]] },
      'False WaitingForModel',
      'False WaitingForModel',
      [],
      'Failed',
    ],
    [
      'an arm waits for a model, the other one runs',
      {
        batches: [
          ['nop', BATCH.running],
          ['lazy', awaiting(false)],
        ],
      },
      'Unknown WaitingForModel',
      'True Running',
      [],
      'InProgress',
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
      'an arm of it has not gone on yet',
      { batches: both(resuming) },
      'True TaskSetFrozen',
      'True Running',
      [],
      'InProgress',
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
      'results that the server will not give',
      {
        batches: both(BATCH.complete),
        trouble: { reason: 'ResultsRefused', message: 'two arms of one name' },
      },
      'True TaskSetFrozen',
      'False ResultsRefused',
      ['SuccessCriteriaMet'],
      'Failed',
    ],
    [
      'a server of another release',
      {
        batches: both(BATCH.complete),
        trouble: { reason: 'ServerIncompatible', message: 'speaks 3' },
      },
      'True TaskSetFrozen',
      'False ServerIncompatible',
      ['SuccessCriteriaMet'],
      'Failed',
    ],
    [
      'a batch that cannot be made',
      { trouble: { reason: 'BatchRefused', message: 'the name is taken' } },
      'Unknown Waiting',
      'False BatchRefused',
      [],
      'Failed',
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
    const newer = { ...bench.metadata, generation: (bench.metadata.generation ?? 0) + 1 };
    expect(kstatus({ metadata: newer, status: next })).toBe('InProgress');
    const going = { ...bench.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(kstatus({ metadata: going, status: next })).toBe('Terminating');
    expect(benchRun.status.safeParse(next).error?.issues).toBeUndefined();
  });

  test('an arm that waits is named beside one that runs', () => {
    const batches: Given['batches'] = [
      ['nop', BATCH.running],
      ['lazy', awaiting(false)],
    ];
    const { next } = given({ batches });
    expect(findCondition(next.conditions, 'Progressing')?.message).toBe(
      '0 of 2 arms done; arm lazy: TrainingRun lab/sft',
    );
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
