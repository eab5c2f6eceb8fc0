import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  batchState,
  jobFactOf,
  jobState,
  MARK,
  observed,
  podFactOf,
} from '../../../test/support/batch-cases.ts';
import { live, type Row, spec, steps, waits } from '../../../test/support/batch-steps.ts';
import { plan } from './plan.ts';

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
