import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tasksOfStep } from './select-tasks.ts';

const run = (count: number, perStep: number, seed = 7) => ({
  name: 'r',
  seed,
  tasks: Array.from({ length: count }, (_, index) => `t${index}`),
  groups: { perStep, samples: 2, minSamples: 2 },
});

describe('the tasks of a step', () => {
  it('are different ones, as many as asked for, and each epoch has none twice', () => {
    const sizes = fc
      .integer({ min: 1, max: 12 })
      .chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count })));
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 40 }), ([count, perStep], step) => {
        const picked = tasksOfStep(run(count, perStep), step);
        expect(new Set(picked).size).toBe(perStep);
        const perEpoch = Math.floor(count / perStep);
        const first = Math.floor((step - 1) / perEpoch) * perEpoch + 1;
        const epoch = Array.from({ length: perEpoch }, (_, at) =>
          tasksOfStep(run(count, perStep), first + at),
        ).flat();
        expect(new Set(epoch).size).toBe(epoch.length);
      }),
    );
  });

  it('follow the seed, and change with the epoch', () => {
    const orders = (seed: number) =>
      [1, 2, 3].map((step) => tasksOfStep(run(8, 8, seed), step).join());
    expect(orders(1)).toEqual(orders(1));
    expect(new Set([...orders(1), ...orders(2)]).size).toBe(6);
  });
});
