import { describe, expect, test } from 'vitest';
import {
  batchState,
  donePod,
  jobFactOf,
  jobState,
  MARK,
  podFactOf,
  stuckPod,
} from '../../../test/support/batch-cases.ts';
import { live, type Row, steps, waits } from '../../../test/support/batch-steps.ts';

describe('a Job after a crash or a loss', () => {
  const { uid: _uid, ...untold } = jobState('a');
  const stored = batchState({ jobs: [untold] });
  test.each<Row>([
    ['rows without a Job: it is made', { state: stored }, ['create a parallelism=4']],
    ['rows without a Job, the namespace not fit: it waits', { state: stored, mayStart: false }, []],
    ['a Job whose uid was never told', { state: stored, jobs: [jobFactOf('a')] }, ['tell a uid-a']],
    ['a Job that the cache does not have is looked for', { state: live('a') }, ['look a']],
    [
      'a Job that somebody deleted, its pods gone',
      { state: live('a'), absent: new Set(['a']) },
      ['over a lost'],
    ],
    [
      'a Job that somebody deleted, a pod still ending',
      { state: live('a'), absent: new Set(['a']), pods: [podFactOf('a')] },
      [],
    ],
    [
      'a Job that somebody deleted, an end not told yet',
      { state: live('a'), absent: new Set(['a']), pods: [donePod('a', { reported: false })] },
      [],
    ],
    [
      'a Job that somebody is deleting',
      { state: live('a'), jobs: [jobFactOf('a', { deleting: true })] },
      ['over a lost'],
    ],
    [
      'rows without a Job in a batch that stands still: looked for, then over',
      { state: stored, mode: 'pause' },
      ['look a'],
    ],
    [
      'rows without a Job in a batch that stands still, looked for',
      { state: stored, mode: 'pause', absent: new Set(['a']) },
      ['over a paused'],
    ],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});

describe('the end of a Job', () => {
  test.each<Row>([
    [
      'finished, every end told',
      { state: live('a'), jobs: [jobFactOf('a', { finished: true })], pods: [donePod('a')] },
      ['over a finished'],
    ],
    [
      'finished, an end not told',
      {
        state: live('a'),
        jobs: [jobFactOf('a', { finished: true })],
        pods: [donePod('a', { reported: false })],
      },
      [],
    ],
    [
      'finished and swept',
      { state: live('a'), jobs: [jobFactOf('a', { finished: true })] },
      ['over a finished'],
    ],
    [
      'every row settled and every pod over, before the Job controller says so',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })] }),
        jobs: [jobFactOf('a')],
        pods: [donePod('a')],
      },
      ['over a finished'],
    ],
    [
      'every row settled, a pod still running',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })] }),
        jobs: [jobFactOf('a')],
        pods: [podFactOf('a')],
      },
      [],
    ],
    [
      'every rollout decided, a pod still running: nobody waits for it',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })], planned: 10, decided: 10 }),
        jobs: [jobFactOf('a')],
        pods: [donePod('a'), podFactOf('a')],
      },
      ['over a finished'],
    ],
    [
      'every rollout decided, a row not settled yet: its pod is waited for',
      {
        state: batchState({ jobs: [jobState('a', { settled: 9 })], planned: 10, decided: 10 }),
        jobs: [jobFactOf('a')],
        pods: [donePod('a'), podFactOf('a')],
      },
      [],
    ],
    [
      'every row settled, a pod that replaces an ended one finds no room: the Job is ended',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })] }),
        jobs: [jobFactOf('a')],
        pods: [donePod('a'), podFactOf('a', { pending: true })],
      },
      ['end a replaced'],
    ],
    [
      'every row settled, one pod waits and one runs',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })] }),
        jobs: [jobFactOf('a')],
        pods: [podFactOf('a'), podFactOf('a', { pending: true })],
      },
      [],
    ],
    [
      'every row settled, a pod waits and an end is not told',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })] }),
        jobs: [jobFactOf('a')],
        pods: [donePod('a', { reported: false }), podFactOf('a', { pending: true })],
      },
      [],
    ],
    [
      'a row left, its pod waits',
      {
        state: batchState({ jobs: [jobState('a', { settled: 9 })] }),
        jobs: [jobFactOf('a')],
        pods: [donePod('a'), podFactOf('a', { pending: true })],
      },
      [],
    ],
    [
      'every row settled, held back by a queue without a pod: the Job is ended',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })] }),
        jobs: [jobFactOf('a', { suspended: 'no quota' })],
      },
      ['end a replaced'],
    ],
    [
      'every row settled, no pod seen yet',
      {
        state: batchState({ jobs: [jobState('a', { settled: 10 })] }),
        jobs: [jobFactOf('a')],
      },
      [],
    ],
    [
      'only a pod of a lost node is left: the Job is ended',
      {
        state: batchState({ jobs: [jobState('a', { settled: 9 })] }),
        jobs: [jobFactOf('a')],
        pods: [donePod('a'), stuckPod('a')],
      },
      ['end a replaced'],
    ],
    [
      'a pod of a lost node beside others: they go on',
      {
        state: batchState({ jobs: [jobState('a', { settled: 5 })] }),
        jobs: [jobFactOf('a')],
        pods: [podFactOf('a'), stuckPod('a')],
      },
      [],
    ],
    [
      'ended, with nothing but the pod of a lost node: its rows go on elsewhere',
      {
        state: batchState({ jobs: [jobState('a', { settled: 9 })] }),
        jobs: [jobFactOf('a', { deleting: true, ending: 'replaced' })],
        pods: [stuckPod('a')],
      },
      ['over a replaced'],
    ],
    [
      'another address or CA of the server',
      { state: live('a'), jobs: [jobFactOf('a', { mark: 'other' })] },
      ['end a replaced'],
    ],
    [
      'another authority is announced beside the one that signs',
      { state: live('a'), mark: `${MARK} fedcba9876543210`, jobs: [jobFactOf('a')] },
      [],
    ],
    [
      'another authority signs',
      {
        state: live('a'),
        mark: MARK.replace(' ', ' fedcba9876543210 '),
        jobs: [jobFactOf('a')],
      },
      ['end a replaced'],
    ],
    [
      'another address, but finished',
      {
        state: live('a'),
        jobs: [jobFactOf('a', { mark: 'other', finished: true })],
        pods: [podFactOf('a')],
      },
      [],
    ],
    [
      'marked before a crash: ended for the same reason',
      { state: live('a'), jobs: [jobFactOf('a', { ending: 'paused' })] },
      ['end a paused'],
    ],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});

describe('standing still and failing', () => {
  test.each<Row>([
    [
      'paused: Jobs are ended',
      { mode: 'pause', state: live('a', 'b'), jobs: [jobFactOf('a'), jobFactOf('b')] },
      ['end a paused', 'end b paused'],
    ],
    [
      'paused: pods still ending',
      {
        mode: 'pause',
        state: live('a'),
        jobs: [jobFactOf('a', { deleting: true, ending: 'paused' })],
        pods: [podFactOf('a')],
      },
      [],
    ],
    [
      'paused: all ended',
      {
        mode: 'pause',
        state: live('a'),
        jobs: [jobFactOf('a', { deleting: true, ending: 'paused' })],
        pods: [donePod('a')],
      },
      ['over a paused'],
    ],
    [
      'paused: the Job is gone',
      { mode: 'pause', state: live('a'), absent: new Set(['a']) },
      ['over a paused'],
    ],
    [
      'paused: a Job that finished meanwhile is just over',
      {
        mode: 'pause',
        state: live('a'),
        jobs: [jobFactOf('a', { finished: true })],
        pods: [donePod('a')],
      },
      ['over a finished'],
    ],
    [
      'paused and settled: nothing',
      { mode: 'pause', state: batchState({ waiting: [waits(3)] }) },
      [],
    ],
    [
      'paused with everything decided: results all the same',
      { mode: 'pause', state: batchState({ decided: 10 }) },
      ['finish'],
    ],
    [
      'out of time: Jobs are ended',
      { mode: 'stop', state: live('a'), jobs: [jobFactOf('a')] },
      ['end a deadline'],
    ],
    [
      'out of time, nothing lives: what is undecided is cancelled',
      { mode: 'stop', state: batchState({ waiting: [waits(3)] }) },
      ['cancel', 'finish'],
    ],
    ['everything decided', { state: batchState({ decided: 10 }) }, ['finish']],
    [
      'everything decided, a Job still lives',
      { state: { ...live('a'), decided: 10 }, jobs: [jobFactOf('a')], pods: [podFactOf('a')] },
      [],
    ],
    [
      'results stored: nothing',
      { state: batchState({ decided: 10, results: 'b'.repeat(64) as never }) },
      [],
    ],
    [
      'a plan without a rollout has results too',
      { state: batchState({ planned: 0, pending: 0 }) },
      ['finish'],
    ],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});

describe('pods', () => {
  const finished = (told: number, untold = 0) => ({
    state: live('a'),
    jobs: [jobFactOf('a')],
    finished: { told, untold },
  });
  test.each<Row>([
    [
      'that miss their start deadline are evicted',
      { state: live('a'), jobs: [jobFactOf('a')], pods: [podFactOf('a', { startOverdue: true })] },
      ['evict a-0-abcde'],
    ],
    [
      'that are over already are not',
      { state: live('a'), jobs: [jobFactOf('a')], pods: [donePod('a', { startOverdue: true })] },
      [],
    ],
    ['200 finished ones stay', finished(200), []],
    ['more are swept', finished(201), ['sweep']],
    [
      'more are swept while others have just ended',
      { ...finished(201), pods: [donePod('a', { uid: 'last', reported: false })] },
      ['sweep'],
    ],
    ['not while it would take one whose end is untold', finished(201, 1), []],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});
