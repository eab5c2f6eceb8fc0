import { describe, expect, test } from 'vitest';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import { indexRanges } from '../../../src/rollouts/index-ranges.ts';
import {
  batchState,
  donePod,
  jobFactOf,
  jobState,
  podFactOf,
} from '../../../test/support/batch-cases.ts';
import {
  statusBatch as batch,
  statusInput as input,
  NOW,
} from '../../../test/support/batch-status.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import { RUN_VOCABULARY } from '../shared/vocabulary.ts';
import { batchStatus } from './status.ts';
import type { StatusInput } from './status-input.ts';

/** `Type=Status Reason` of the conditions named. */
function said(more: Partial<StatusInput>, ...types: readonly string[]): readonly string[] {
  const { conditions } = batchStatus(input(more));
  return types.map((type) => {
    const found = findCondition(conditions, type);
    return found === undefined ? `${type} absent` : `${type}=${found.status} ${found.reason}`;
  });
}

const results = { results: asSha256('b'.repeat(64)), decided: 10, pending: 0 };
const running = { jobs: [jobState('a')], active: 4, attempts: 4 };
const agentChanged = { frozen: 'pi 0.1.0 (configuration 1f)', now: 'pi 0.2.0 (configuration 2a)' };
const unfit = { reason: 'UpstreamUnfit', message: 'Secret a/b does not exist' } as const;
const refused = { reason: 'UpstreamRefused', message: 'status 401' } as const;
type Row = readonly [string, Partial<StatusInput>, readonly string[]];

describe('Progressing says what a person has to know first', () => {
  test.each<Row>([
    ['nothing is planned yet', { state: undefined }, ['True Planning']],
    ['planned, no agent yet', {}, ['True Starting']],
    ['agents at work', { state: batchState(running) }, ['True Running']],
    [
      'between two attempts',
      { state: batchState({ attempts: 4, pending: 3, decided: 7 }) },
      ['True Running'],
    ],
    [
      'only verdicts are missing',
      { state: batchState({ pending: 0, verifying: 3, decided: 7, attempts: 10 }) },
      ['True Verifying'],
    ],
    [
      'everything decided, results awaited',
      { state: batchState({ decided: 10, pending: 0 }) },
      ['True Finishing'],
    ],
    [
      'the server is away',
      { state: undefined, hindrance: { kind: 'server', message: 'connect ECONNREFUSED' } },
      ['Unknown ServerUnavailable'],
    ],
    [
      'somebody has to do something',
      { hindrance: { kind: 'planning', reason: 'NamespaceNotRestricted', message: 'x' } },
      ['False Blocked'],
    ],
    [
      'no room',
      {
        state: batchState(running),
        pods: [podFactOf('a', { unschedulable: '0/3 nodes are available: 3 Insufficient cpu.' })],
      },
      ['False Unschedulable'],
    ],
    [
      'no room for some, others work',
      {
        state: batchState(running),
        pods: [podFactOf('a', { unschedulable: 'no' }), podFactOf('a')],
      },
      ['True Running'],
    ],
    [
      'no room for some, others are on a lost node',
      {
        state: batchState(running),
        pods: [podFactOf('a', { unschedulable: 'no' }), podFactOf('a', { stuck: true })],
      },
      ['False Unschedulable'],
    ],
    [
      'no room was, for a pod that is over',
      { state: batchState(running), pods: [donePod('a', { unschedulable: 'no' })] },
      ['True Running'],
    ],
    [
      'an image cannot be pulled',
      { state: batchState(running), pods: [podFactOf('a', { imageProblem: 'ErrImagePull: no' })] },
      ['False ImagePullFailing'],
    ],
    [
      'pods are forbidden',
      {
        state: batchState(running),
        forbidden: { reason: 'PodsForbidden', message: 'exceeded quota: x' },
      },
      ['False PodsForbidden'],
    ],
    ['the store is full', { storeFull: true, state: waiting() }, ['False StoreFull']],
    [
      'the release has another harness',
      { state: batchState({ ...running, agentChanged }) },
      ['False AgentChanged'],
    ],
    [
      'the release has another harness, and nothing is left to start',
      { state: batchState({ ...running, pending: 0, agentChanged }) },
      ['True Running'],
    ],
    [
      'the model is asked',
      { state: batchState({ modelHold: { reason: 'AskingModel', message: 'x' } }) },
      ['True AskingModel'],
    ],
    ['its Secret is unfit', { state: batchState({ modelHold: unfit }) }, ['False UpstreamUnfit']],
    [
      'its endpoint refuses',
      { state: batchState({ modelHold: refused }) },
      ['False UpstreamRefused'],
    ],
    ['the store is full, nothing waits', { storeFull: true }, ['True Starting']],
    [
      'a queue has not admitted the Job',
      {
        batch: batch({ sandbox: { queueName: 'team' } }),
        jobs: [jobFactOf('a', { suspended: 'waiting for quota' })],
      },
      ['False Queued'],
    ],
    ['suspended', { mode: 'pause' }, ['False Suspended']],
    ['failing', { mode: 'stop' }, ['True Stopping']],
    ['complete', { state: batchState(results) }, ['False Complete']],
    ['failed', { mode: 'stop', state: batchState(results) }, ['False Failed']],
  ])('%s', (_name, more, expected) => {
    expect(said(more, 'Progressing')).toEqual(expected.map((text) => `Progressing=${text}`));
  });

  test("the cluster's own words are in the message", () => {
    const message = (more: Partial<StatusInput>) =>
      findCondition(batchStatus(input(more)).conditions, 'Progressing')?.message;
    const words = '0/3 nodes are available: 3 Insufficient cpu.';
    const state = batchState(running);
    expect(message({ state, pods: [podFactOf('a', { unschedulable: words })] })).toBe(words);
    const short = [podFactOf('a', { unschedulable: words }), podFactOf('a')];
    expect(message({ state, pods: short })).toMatch(/at work; some pods wait for room/);
    const other = message({ state: batchState({ agentChanged }) });
    expect(other).toContain('planned with pi 0.1.0 (configuration 1f), and this release');
    expect(other).toContain('pi 0.2.0 (configuration 2a). Go back to the release before');
    const quota = { reason: 'PodsForbidden', message: 'Job a: exceeded quota: small' } as const;
    expect(message({ state, forbidden: quota })).toBe(quota.message);
  });

  test('a queue keeps the parallelism of a Job, and the message says so', () => {
    const { conditions } = batchStatus(
      input({
        batch: batch({ parallelism: 2, sandbox: { queueName: 'team' } }),
        state: batchState(running),
        jobs: [jobFactOf('a', { parallelism: 8 })],
      }),
    );
    expect(findCondition(conditions, 'Progressing')).toMatchObject({
      reason: 'Running',
      message:
        'spec.parallelism is 2 now; Job a was admitted by queue team with 8 and keeps it, the next Job gets the new value',
    });
  });
});

function waiting() {
  const { shape } = jobState('a');
  return batchState({ waiting: [{ shape, count: 10 }] });
}

const awaiting = (reason: 'WaitingForModel' | 'WaitingForTasks', held: boolean) =>
  ({ kind: 'waiting', reason, held, message: 'SynthesisJob lab/x is not complete yet' }) as const;

describe('Planned, Suspended, SourceChanged and NetworkIsolated', () => {
  test.each<Row>([
    ['frozen', {}, ['Planned=True TaskSetFrozen']],
    [
      'not asked yet',
      { state: undefined },
      ['Planned=Unknown Waiting', 'SourceChanged=Unknown NotFrozen'],
    ],
    [
      'the server is away at first',
      { state: undefined, hindrance: { kind: 'server', message: 'no' } },
      ['Planned=Unknown ServerUnavailable'],
    ],
    [
      'refused',
      { state: undefined, hindrance: { kind: 'planning', reason: 'PlanRefused', message: 'no' } },
      ['Planned=False PlanRefused', 'Stalled=True NeedsAction', 'Reconciling=False Idle'],
    ],
    ['runs', {}, ['Suspended=False NotSuspended', 'Reconciling=True InProgress']],
    [
      'is being suspended',
      { mode: 'pause', state: batchState({ jobs: [jobState('a')] }) },
      ['Suspended=True Suspending', 'Reconciling=True InProgress'],
    ],
    [
      'is suspended',
      { mode: 'pause' },
      ['Suspended=True SuspendRequested', 'Reconciling=False Idle', 'Stalled=False NotStalled'],
    ],
    [
      'a Job was suspended by somebody else',
      { jobs: [jobFactOf('a', { suspended: 'by hand' })] },
      ['Suspended=True JobSuspended'],
    ],
    [
      'a finished Job that is suspended means nothing',
      { jobs: [jobFactOf('a', { suspended: '', finished: true })] },
      ['Suspended=False NotSuspended'],
    ],
    [
      'a pod reads the tasks',
      { state: undefined, hindrance: { kind: 'reading', message: 'its pod is at work' } },
      ['Planned=Unknown ReadingSource', 'Progressing=True Planning', 'Reconciling=True InProgress'],
    ],
    [
      'the model is being trained',
      { state: undefined, hindrance: awaiting('WaitingForModel', false) },
      [
        ...['Planned=Unknown WaitingForModel', 'Progressing=False WaitingForModel'],
        ...['Reconciling=True InProgress', 'Stalled=False NotStalled'],
      ],
    ],
    [
      'the job that makes the tasks is suspended',
      { state: undefined, hindrance: awaiting('WaitingForTasks', true) },
      [
        ...['Planned=False WaitingForTasks', 'Progressing=False WaitingForTasks'],
        ...['Reconciling=False Idle', 'Stalled=True NeedsAction'],
      ],
    ],
    ['the source is as it was', {}, ['SourceChanged=False Unchanged']],
    [
      'the source gives other tasks',
      { state: batchState({ sourceNow: asSha256('c'.repeat(64)) }) },
      ['SourceChanged=True SourceDrifted'],
    ],
    [
      'the address of the source gives nothing, as the server sees it',
      { state: batchState({ sourceGone: 'status 404' }) },
      ['SourceChanged=True SourceGone'],
    ],
    [
      'the source is gone',
      { sourceGone: 'there is no ConfigMap runs/tasks' },
      ['SourceChanged=True SourceGone', 'Planned=True TaskSetFrozen'],
    ],
    ['policies are there', {}, ['NetworkIsolated=Unknown PoliciesApplied']],
    ['policies are not there', { prepared: false }, ['NetworkIsolated=Unknown NotProbed']],
  ])('%s', (_name, more, expected) => {
    expect(said(more, ...expected.map((text) => text.split('=')[0] ?? ''))).toEqual(expected);
  });
});

test('what cannot be graded here is told with its reason', () => {
  const notGradableReasons = { NeedsImage: 2, UnsupportedTask: 1 };
  const state = batchState({ notGradable: 3, notGradableReasons });
  const { conditions } = batchStatus(input({ state }));
  expect(findCondition(conditions, 'Planned')?.message).toMatch(
    /; 3 of them cannot be graded here: 1 UnsupportedTask, 2 NeedsImage \(tasks with an image of their own\)$/,
  );
});

describe('the whole status', () => {
  test('fits the schema of the kind and counts what the server counts', () => {
    const state = batchState({
      ...results,
      ...{ outcomes: { scored: 8, infra_error: 2 }, missingRate: '0.2000' },
      ...{ startedAt: NOW - 60_000, decidedAt: NOW, attempts: 12, infraFailures: 4 },
      ...{ decidedIndexes: '0-9', failedIndexes: '3,7', notGradable: 1 },
    });
    const status = batchStatus(input({ state }));
    expect(rolloutBatch.status.parse(status)).toEqual(status);
    expect(status).toMatchObject({
      observedGeneration: 3,
      taskSet: 'a'.repeat(64),
      progress: '10/10',
      rollouts: { planned: 10, decided: 10 },
      outcomes: [
        { outcome: 'scored', count: 8 },
        { outcome: 'infra_error', count: 2 },
      ],
      startTime: '2026-03-01T11:59:00Z',
      completionTime: '2026-03-01T12:00:00Z',
      results: { digest: 'b'.repeat(64) },
    });
    expect(status.conditions?.every((each) => each.observedGeneration === 3)).toBe(true);
  });

  test('keeps its counts while the server is away', () => {
    const before = batchStatus(input({ state: batchState({ ...running, decided: 5 }) }));
    const hindrance = { kind: 'server', message: 'no answer' } as const;
    const after = batchStatus(
      input({ batch: batch({}, before), state: undefined, hindrance, now: NOW + 5000 }),
    );
    const { conditions: _before, ...counts } = before;
    expect(after).toMatchObject(counts);
    expect(findCondition(after.conditions, 'Planned')?.status).toBe('True');
    expect(said({ batch: batch({}, before), state: undefined, hindrance }, 'Reconciling')).toEqual([
      'Reconciling=True InProgress',
    ]);
  });

  test('stays one that the API takes where every other of 50,000 rollouts is decided', () => {
    const every = (step: number) =>
      indexRanges(Array.from({ length: 50_000 / step }, (_, index) => index * step));
    const [decidedIndexes, failedIndexes] = [every(2), every(8)];
    expect(decidedIndexes.length).toBeGreaterThan(65_536);
    const counts = { planned: 50_000, pending: 25_000, decided: 25_000 };
    const status = batchStatus(
      input({ state: batchState({ ...counts, decidedIndexes, failedIndexes }) }),
    );
    expect(rolloutBatch.status.parse(status)).toEqual(status);
    expect(status).not.toHaveProperty('decidedIndexes');
    expect(status).toMatchObject({ progress: '25000/50000', failedIndexes });
  });

  test('is the same for the same view, so that it is written once', () => {
    const one = batchStatus(input({ state: batchState(running) }));
    const again = batchStatus(
      input({ batch: batch({}, one), state: batchState(running), now: NOW + 60_000 }),
    );
    expect(again).toEqual(one);
  });

  test('every reason that is said is in the vocabulary', () => {
    const { conditions = [] } = batchStatus(input());
    for (const { type, reason } of conditions)
      expect(RUN_VOCABULARY).toHaveProperty([type, 'reasons', reason]);
  });
});

test('says beside what the run does that the store is filling', () => {
  const { conditions } = batchStatus(input({ storeFilling: true }));
  expect(findCondition(conditions, 'Progressing')).toMatchObject({
    status: 'True',
    reason: 'Starting',
    message: expect.stringContaining('85 %') as unknown,
  });
});
