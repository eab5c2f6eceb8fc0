import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Killed, RlSimulation, type Victim } from '../../../test/support/rl-simulation.ts';
import { driveRun } from './drive-run.ts';
import type { RlRun } from './rl-run.ts';

const RUN: RlRun = {
  name: 'r',
  seed: 1,
  steps: 4,
  tasks: ['a', 'b', 'c'],
  groups: { perStep: 1, samples: 2, minSamples: 2 },
  evaluate: { every: 2, tasks: ['e'], samples: 2 },
  trainerRetries: 100,
};

/** Drives to the end, with another coordinator wherever one was killed. */
async function throughKills(simulation: RlSimulation): Promise<void> {
  for (;;) {
    try {
      await driveRun(simulation.run, await simulation.open(), new AbortController().signal);
      return;
    } catch (thrown) {
      if (!(thrown instanceof Killed)) throw thrown;
    }
  }
}

function check(simulation: RlSimulation, empty: ReadonlySet<number>): void {
  const taught = [1, 2, 3, 4].filter((step) => !empty.has(step));
  const numbers = taught.map((_step, at) => at + 1);
  expect(simulation.lineage).toEqual(numbers);
  expect(simulation.published.at(-1)).toEqual(numbers);
  for (const step of [1, 2, 3, 4]) {
    const before = taught.filter((each) => each < step).length;
    expect(simulation.sampled.get(`r-step-${step}`)).toEqual([before, before]);
  }
  for (const step of [2, 4]) {
    const before = taught.filter((each) => each <= step).length;
    expect(simulation.sampled.get(`r-eval-${step}`)).toEqual([before, before]);
  }
}

describe('a reinforcement run', () => {
  it('trains every batch once and samples with the newest policy only', async () => {
    const simulation = new RlSimulation(RUN, new Map(), new Set([3]));
    await throughKills(simulation);
    check(simulation, new Set([3]));
    expect(simulation.acknowledged).toEqual([1, 2, 3]);
  });

  it('does so whatever is killed between any two moments', async () => {
    const victims = fc.constantFrom<Victim>('coordinator', 'trainer', 'server');
    const kills = fc.array(fc.tuple(fc.integer({ min: 1, max: 80 }), victims), { maxLength: 12 });
    const empty = fc.uniqueArray(fc.constantFrom(1, 2, 3, 4), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(kills, empty, async (when, none) => {
        const simulation = new RlSimulation(RUN, new Map(when), new Set(none));
        await throughKills(simulation);
        check(simulation, new Set(none));
      }),
      { numRuns: 300 },
    );
  });

  it('ends with the reason where the trainer cannot go on', async () => {
    const kills = new Map(Array.from({ length: 60 }, (_, at) => [at + 3, 'trainer' as const]));
    const simulation = new RlSimulation({ ...RUN, trainerRetries: 2 }, kills, new Set());
    await expect(throughKills(simulation)).rejects.toMatchObject({
      code: 'TrainingFailed',
      details: { reason: 'TrainerFailed' },
    });
  });
});
