import { describe, expect, it, test } from 'vitest';
import {
  aSynthesisJob,
  aSynthesisState,
  TASK_SET,
} from '../../../test/support/synthesis/synthesis-objects.ts';
import { ofBatches, ofServer, ofWorkerPods } from './hindrance.ts';
import { type StatusView, synthesisStatus } from './status.ts';

const view = (over: Partial<StatusView> = {}): StatusView => ({
  ...{ job: aSynthesisJob(), state: aSynthesisState(), still: false },
  ...over,
});

/** `Type=Status Reason`, of those that are asked for. */
function shown(over: Partial<StatusView>, ...types: readonly string[]): readonly string[] {
  const { conditions = [] } = synthesisStatus(view(over), 0);
  return conditions
    .filter(({ type }) => types.length === 0 || types.includes(type))
    .map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

const done = aSynthesisState({
  accepted: 24,
  result: { ended: 'TargetReached', taskSet: TASK_SET, at: 5000 },
});
const late = aSynthesisState({ cancelled: 'DeadlineExceeded' });
const empty = aSynthesisState({ accepted: 0, result: { ended: 'RecordsExhausted', at: 0 } });
const hindrance = { reason: 'UpstreamUnfit', message: 'no Secret' } as const;

describe('what a job is doing', () => {
  test.each<[string, Partial<StatusView>, readonly string[]]>([
    [
      'it runs',
      {},
      ['Progressing=True Running', 'Reconciling=True InProgress', 'Stalled=False NotStalled'],
    ],
    [
      'nothing has begun',
      { state: aSynthesisState({ records: 0 }) },
      ['Progressing=True Starting', 'Reconciling=True InProgress', 'Stalled=False NotStalled'],
    ],
    [
      'the server is of another release',
      { state: undefined, problem: { reason: 'ServerIncompatible', message: 'speaks 3' } },
      [
        'Progressing=False ServerIncompatible',
        'Reconciling=False Idle',
        'Stalled=True NeedsAction',
      ],
    ],
    [
      'its Secret is missing',
      { hindrance },
      ['Progressing=False UpstreamUnfit', 'Reconciling=False Idle', 'Stalled=True NeedsAction'],
    ],
    [
      'a model is asked',
      { hindrance: { reason: 'AskingModel', message: 'x', waits: true } },
      ['Progressing=True AskingModel', 'Reconciling=True InProgress', 'Stalled=False NotStalled'],
    ],
    [
      'no node has room',
      { hindrance: { reason: 'Unschedulable', message: 'x', waits: true } },
      [
        'Progressing=False Unschedulable',
        'Reconciling=True InProgress',
        'Stalled=False NotStalled',
      ],
    ],
    [
      'it cannot be planned',
      { state: undefined, problem: { reason: 'SeedsNotFound', message: 'x' } },
      ['Progressing=False Blocked', 'Reconciling=False Idle', 'Stalled=True NeedsAction'],
    ],
    [
      'the server is away',
      { state: undefined, problem: { reason: 'ServerUnavailable', message: 'x' } },
      [
        'Progressing=Unknown ServerUnavailable',
        'Reconciling=True InProgress',
        'Stalled=False NotStalled',
      ],
    ],
    [
      'it is suspended',
      { job: aSynthesisJob({ suspend: true }), still: true },
      ['Progressing=False Suspended', 'Reconciling=False Idle', 'Stalled=False NotStalled'],
    ],
    [
      'all is done and pods still end',
      { state: done },
      ['Progressing=True Finishing', 'Reconciling=True InProgress', 'Stalled=False NotStalled'],
    ],
    [
      'all is done',
      { state: done, still: true },
      ['Progressing=False Complete', 'Reconciling=False Idle', 'Stalled=False NotStalled'],
    ],
    [
      'its deadline passed',
      { state: late, still: true },
      ['Progressing=False Failed', 'Reconciling=False Idle', 'Stalled=True RunFailed'],
    ],
  ])('%s', (_name, over, expected) => {
    expect(shown(over, 'Progressing', 'Reconciling', 'Stalled')).toEqual(expected);
  });

  test.each<[string, Partial<StatusView>, readonly string[]]>([
    ['complete', { state: done, still: true }, ['Complete=True TargetReached']],
    ['not complete while pods end', { state: done }, []],
    [
      'failed by its deadline',
      { state: late, still: true },
      ['FailureTarget=True DeadlineExceeded', 'Failed=True DeadlineExceeded'],
    ],
    ['about to fail', { state: late }, ['FailureTarget=True DeadlineExceeded']],
    [
      'failed where nothing was accepted',
      { state: empty, still: true },
      ['FailureTarget=True NothingAccepted', 'Failed=True NothingAccepted'],
    ],
  ])('%s', (_name, over, expected) => {
    expect(shown(over, 'Complete', 'FailureTarget', 'Failed')).toEqual(expected);
  });
});

it('says what to do where its time is over', () => {
  const { conditions } = synthesisStatus(view({ state: late, still: true }), 0);
  const words = conditions?.find(({ type }) => type === 'Failed')?.message;
  expect(words).toMatch(/; create another SynthesisJob with more time$/);
});

it('counts what the server counts, and names the task set once it is there', () => {
  expect(synthesisStatus(view(), 0)).toMatchObject({
    ...{ observedGeneration: 3, target: 24, accepted: 3, records: 9, progress: '3/24' },
    ...{ inputTokens: 10, outputTokens: 20, rejections: [{ reason: 'Duplicate', count: 2 }] },
  });
  expect(synthesisStatus(view(), 0).taskSet).toBeUndefined();
  expect(synthesisStatus(view({ state: done }), 0)).toMatchObject({
    ...{ taskSet: TASK_SET, completionTime: '1970-01-01T00:00:05Z' },
  });
});

it('keeps what stands while the server is away', () => {
  const before = synthesisStatus(view(), 0);
  const job = aSynthesisJob({}, before);
  const problem = { reason: 'ServerUnavailable', message: 'away' } as const;
  const next = synthesisStatus(view({ job, state: undefined, problem }), 1000);
  expect(next).toMatchObject({ progress: '3/24', accepted: 3 });
  expect(next.conditions?.find(({ type }) => type === 'Planned')?.status).toBe('True');
});

it('says with the words of whoever knows why it does not go on', () => {
  const failure = { code: 'UpstreamFailed', message: 'status 401', at: 0 };
  expect(ofServer(aSynthesisState({ failure }))).toMatchObject({
    ...{ reason: 'WorkerFailing', message: expect.stringContaining('status 401') as unknown },
  });
  expect(ofServer(aSynthesisState())).toBeUndefined();
  const pod = (status: object) => [
    { metadata: { name: 'w' }, status: { phase: 'Pending', ...status } } as never,
  ];
  const conditions = [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }];
  expect(ofWorkerPods(pod({ conditions }))).toMatchObject({ reason: 'Unschedulable', waits: true });
  const waiting = { reason: 'ImagePullBackOff', message: 'no such image' };
  expect(
    ofWorkerPods(pod({ containerStatuses: [{ name: 'worker', state: { waiting } }] })),
  ).toMatchObject({
    ...{ reason: 'ImagePullFailing', message: expect.stringContaining('no such image') as unknown },
  });
  expect(
    ofWorkerPods(
      pod({
        containerStatuses: [
          { name: 'worker', state: { waiting: { reason: 'ContainerCreating' } } },
        ],
      }),
    ),
  ).toBeUndefined();
  const stalled = [{ type: 'Stalled', status: 'True', message: 'the namespace is not restricted' }];
  const batch = {
    metadata: { name: 'b', namespace: 'lab' },
    status: { conditions: stalled },
  } as never;
  expect(ofBatches([batch])).toMatchObject({
    message: 'RolloutBatch b --namespace lab: the namespace is not restricted',
  });
});

test('records at work are counted by the stage that they are in', () => {
  const stages = [
    { stage: 'draft', entered: 16, passed: 12, rejected: 1 },
    { stage: 'trial', entered: 12, passed: 12, rejected: 0 },
    { stage: 'gates', entered: 12, passed: 5, rejected: 0 },
  ];
  const state = aSynthesisState({ accepted: 2, target: 16, records: 16, open: 10, stages });
  const { conditions = [] } = synthesisStatus(view({ state }), 0);
  expect(conditions.find(({ type }) => type === 'Progressing')?.message).toBe(
    '2 of 16 tasks are accepted; 10 of 16 records are at work: 3 draft, 7 gates',
  );
});
