import { describe, expect, test } from 'vitest';
import {
  batchState,
  donePod,
  jobFactOf,
  jobState,
  observed,
  podFactOf,
  shape,
} from '../../../test/support/batch-cases.ts';
import { live, type Row, spec, steps, waits } from '../../../test/support/batch-steps.ts';

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
          planned: 75,
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
