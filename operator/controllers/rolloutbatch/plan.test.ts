import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  batchState,
  donePod,
  jobFactOf,
  jobState,
  MARK,
  observed,
  podFactOf,
  shape,
  stuckPod,
} from '../../../test/support/batch-cases.ts';
import type { Action } from './action.ts';
import type { Observed } from './observed.ts';
import { plan } from './plan.ts';

/** An action in short: what a row of a table can hold. */
function short(action: Action): string {
  switch (action.do) {
    case 'new':
      return `new ${action.name} max=${action.max} parallelism=${action.parallelism}`;
    case 'create':
      return `create ${action.job.name} parallelism=${action.parallelism}`;
    case 'resize':
      return `resize ${action.job.name} ${action.lowering ? 'down' : 'up'} to ${action.parallelism}`;
    case 'end':
      return `end ${action.job.name} ${action.cause}`;
    case 'over':
      return `over ${action.name} ${action.cause}`;
    case 'tell-uid':
      return `tell ${action.name} ${action.uid}`;
    case 'look':
      return `look ${action.name}`;
    case 'evict':
      return `evict ${action.pod.name}`;
    default:
      return action.do;
  }
}

const steps = (more: Partial<Observed>): readonly string[] => plan(observed(more)).map(short);
const spec = (parallelism: number, queueName?: string): Pick<Observed, 'batch'> => ({
  batch: {
    name: 'demo',
    uid: '5f0c1c2e-0000-4000-8000-000000000000',
    spec: { parallelism, sandbox: queueName === undefined ? {} : { queueName } },
  },
});
const waits = (count: number, id = 's1', phase: 'rollout' | 'verify' = 'rollout') => ({
  shape: shape(id, phase),
  count,
});
const live = (...names: readonly string[]) =>
  batchState({ jobs: names.map((name) => jobState(name)) });

type Row = readonly [string, Partial<Observed>, readonly string[]];

describe('new Jobs', () => {
  test.each<Row>([
    [
      'all that waits goes into one Job',
      { state: batchState({ waiting: [waits(10)] }) },
      ['new demo-5f0c1-s1-g1 max=10 parallelism=4'],
    ],
    [
      'a Job has at most 1,000 rows',
      { ...spec(500), state: batchState({ waiting: [waits(2500)] }) },
      ['new demo-5f0c1-s1-g1 max=1000 parallelism=500'],
    ],
    [
      'no more places than rows',
      { ...spec(100), state: batchState({ waiting: [waits(3)] }) },
      ['new demo-5f0c1-s1-g1 max=3 parallelism=3'],
    ],
    [
      'shapes share the places in plan order',
      { ...spec(5), state: batchState({ waiting: [waits(3), waits(9, 's2')] }) },
      ['new demo-5f0c1-s1-g1 max=3 parallelism=3', 'new demo-5f0c1-s2-g2 max=9 parallelism=2'],
    ],
    [
      'a shape that finds no place waits',
      { ...spec(3), state: batchState({ waiting: [waits(3), waits(9, 's2')] }) },
      ['new demo-5f0c1-s1-g1 max=3 parallelism=3'],
    ],
    [
      'generations go on from the largest',
      { state: batchState({ waiting: [waits(2)], generations: { rollout: 3, verify: 7 } }) },
      ['new demo-5f0c1-s1-g4 max=2 parallelism=2'],
    ],
    [
      'without a parallelism the default holds',
      {
        batch: { ...observed().batch, spec: { sandbox: {} } },
        state: batchState({ waiting: [waits(99)] }),
      },
      ['new demo-5f0c1-s1-g1 max=99 parallelism=8'],
    ],
    [
      'none while the store is full',
      { mayStart: false, state: batchState({ waiting: [waits(9)] }) },
      [],
    ],
    [
      'none while it stands still',
      { mode: 'pause', state: batchState({ waiting: [waits(9)] }) },
      [],
    ],
    [
      'none while the Job before has every place',
      {
        state: { ...live('a'), waiting: [waits(5, 's2')] },
        jobs: [jobFactOf('a')],
      },
      [],
    ],
    [
      'places that come free at the end of a Job go to the next',
      {
        state: batchState({
          jobs: [jobState('a', { settled: 8 })],
          waiting: [waits(5, 's2')],
          generations: { rollout: 1, verify: 0 },
        }),
        jobs: [jobFactOf('a')],
      },
      ['new demo-5f0c1-s2-g2 max=5 parallelism=2'],
    ],
    [
      'a few of many places are not worth a Job',
      {
        ...spec(80),
        state: batchState({ jobs: [jobState('a', { length: 75 })], waiting: [waits(90, 's2')] }),
        jobs: [jobFactOf('a', { parallelism: 75 })],
      },
      [],
    ],
    [
      'none while a pod finds no room',
      {
        ...spec(20),
        state: { ...live('a'), waiting: [waits(5, 's2')] },
        jobs: [jobFactOf('a', { parallelism: 10 })],
        pods: [podFactOf('a', { unschedulable: '0/3 nodes are available' })],
      },
      [],
    ],
    [
      'a pod that found no room and is over holds nothing up',
      {
        ...spec(20),
        state: { ...live('a'), waiting: [waits(5, 's2')] },
        jobs: [jobFactOf('a', { parallelism: 10 })],
        pods: [donePod('a', { unschedulable: '0/3 nodes are available' })],
      },
      ['new demo-5f0c1-s2-g1 max=5 parallelism=5'],
    ],
    [
      'a Job that is ending keeps the places of its pods',
      {
        state: { ...live('a'), waiting: [waits(5)] },
        jobs: [jobFactOf('a', { deleting: true, ending: 'replaced' })],
        pods: [podFactOf('a'), podFactOf('a', { uid: 'second' })],
      },
      ['new demo-5f0c1-s1-g1 max=5 parallelism=2'],
    ],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});

describe('verification waves', () => {
  const verifying = (settled: number) =>
    jobState('v', { phase: 'verify', length: 4, settled, shape: shape('v1', 'verify') });
  test.each<Row>([
    [
      'the first goes at once, beside the rollouts',
      {
        state: { ...live('a'), waiting: [waits(1, 'v1', 'verify')] },
        jobs: [jobFactOf('a')],
      },
      ['new demo-5f0c1-v1-v1 max=1 parallelism=1'],
    ],
    [
      'is as long as its places',
      { state: batchState({ waiting: [waits(9, 'v1', 'verify')] }) },
      ['new demo-5f0c1-v1-v1 max=4 parallelism=4'],
    ],
    [
      'a small one waits while another runs and rollouts go on',
      {
        ...spec(8),
        state: batchState({
          planned: 1000,
          jobs: [jobState('a'), verifying(2)],
          waiting: [waits(3, 'v1', 'verify')],
        }),
        jobs: [jobFactOf('a', { parallelism: 8 }), jobFactOf('v')],
      },
      [],
    ],
    [
      'a small one goes when no rollout is left',
      {
        ...spec(8),
        state: batchState({
          planned: 1000,
          jobs: [verifying(2)],
          waiting: [waits(3, 'v1', 'verify')],
          generations: { rollout: 1, verify: 1 },
        }),
        jobs: [jobFactOf('v')],
      },
      ['new demo-5f0c1-v1-v2 max=3 parallelism=3'],
    ],
    [
      'a large one goes beside another',
      {
        ...spec(8),
        state: batchState({
          planned: 100,
          jobs: [jobState('a'), verifying(2)],
          waiting: [waits(3, 'v1', 'verify')],
          generations: { rollout: 1, verify: 1 },
        }),
        jobs: [jobFactOf('a', { parallelism: 8 }), jobFactOf('v')],
      },
      ['new demo-5f0c1-v1-v2 max=3 parallelism=3'],
    ],
    [
      'goes on while rollout pods find no room',
      {
        state: { ...live('a'), waiting: [waits(2, 'v1', 'verify')] },
        jobs: [jobFactOf('a')],
        pods: [podFactOf('a', { unschedulable: 'no room' })],
      },
      ['new demo-5f0c1-v1-v1 max=2 parallelism=2'],
    ],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});

describe('parallelism of running Jobs', () => {
  test.each<Row>([
    [
      'raised in the spec',
      { ...spec(8), state: live('a'), jobs: [jobFactOf('a')] },
      ['resize a up to 8'],
    ],
    [
      'lowered in the spec',
      { ...spec(2), state: live('a'), jobs: [jobFactOf('a')] },
      ['resize a down to 2'],
    ],
    [
      'lowered below the number of Jobs: the later ones get none',
      { ...spec(1), state: live('a', 'b'), jobs: [jobFactOf('a'), jobFactOf('b')] },
      ['resize a down to 1', 'resize b down to 0'],
    ],
    [
      'left alone under a queue',
      { ...spec(2, 'team'), state: live('a'), jobs: [jobFactOf('a')] },
      [],
    ],
    [
      'left alone where the Job has fewer rows left',
      {
        ...spec(3),
        state: batchState({ jobs: [jobState('a', { settled: 8 })] }),
        jobs: [jobFactOf('a')],
      },
      [],
    ],
    [
      'not raised by a few of many',
      {
        ...spec(80),
        state: batchState({
          jobs: [jobState('a', { length: 75, settled: 5 }), jobState('b', { length: 90 })],
        }),
        jobs: [jobFactOf('a', { parallelism: 75 }), jobFactOf('b', { parallelism: 5 })],
      },
      [],
    ],
    [
      'raised by the last of them',
      {
        ...spec(80),
        state: batchState({
          jobs: [jobState('a', { length: 75, settled: 70 }), jobState('b', { length: 12 })],
        }),
        jobs: [jobFactOf('a', { parallelism: 75 }), jobFactOf('b', { parallelism: 5 })],
      },
      ['resize b up to 12'],
    ],
    [
      'of a finished Job never',
      {
        ...spec(8),
        state: live('a'),
        jobs: [jobFactOf('a', { finished: true })],
        pods: [podFactOf('a')],
      },
      [],
    ],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});

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
  const many = (count: number, more = {}) =>
    Array.from({ length: count }, (_, index) => donePod('a', { uid: `p${index}`, ...more }));
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
    ['200 finished ones stay', { state: live('a'), jobs: [jobFactOf('a')], pods: many(200) }, []],
    ['more are swept', { state: live('a'), jobs: [jobFactOf('a')], pods: many(201) }, ['sweep']],
    [
      'not while the end of one is untold',
      {
        state: live('a'),
        jobs: [jobFactOf('a')],
        pods: [...many(201), donePod('a', { uid: 'last', reported: false })],
      },
      [],
    ],
  ])('%s', (_name, more, expected) => {
    expect(steps(more)).toEqual(expected);
  });
});

test('places are never given twice, and a batch under a queue is never resized', () => {
  const job = fc.record({
    length: fc.integer({ min: 1, max: 50 }),
    settled: fc.integer({ min: 0, max: 50 }),
    parallelism: fc.integer({ min: 0, max: 60 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.array(job, { maxLength: 5 }),
      fc.integer({ min: 0, max: 3000 }),
      fc.boolean(),
      (places, jobs, count, queued) => {
        const named = jobs.map((each, index) => ({ ...each, name: `j${index}` }));
        const actions = plan(
          observed({
            ...spec(places, queued ? 'team' : undefined),
            mark: MARK,
            state: batchState({
              jobs: named.map(({ name, length, settled }) =>
                jobState(name, { length, settled: Math.min(settled, length) }),
              ),
              waiting: [waits(count)],
            }),
            jobs: named.map(({ name, parallelism }) => jobFactOf(name, { parallelism })),
          }),
        );
        const used = named.map(({ name, length, settled, parallelism }) => {
          const resized = actions.find((each) => each.do === 'resize' && each.job.name === name);
          const now = resized?.do === 'resize' ? resized.parallelism : parallelism;
          return Math.min(now, length - Math.min(settled, length));
        });
        const added = actions.flatMap((each) => (each.do === 'new' ? each.parallelism : []));
        const sum = [...used, ...added].reduce((one, other) => one + other, 0);
        if (queued) {
          expect(actions.filter((each) => each.do === 'resize')).toEqual([]);
          expect(added.reduce((one, other) => one + other, 0)).toBeLessThanOrEqual(places);
        } else expect(sum).toBeLessThanOrEqual(places);
      },
    ),
  );
});
