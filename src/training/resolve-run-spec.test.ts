import { expect, test } from 'vitest';
import { rlSpec } from '../../test/support/rl/rl-bed.ts';
import { sampleTrainingRun } from '../../test/support/training-samples.ts';
import { trainingRun } from '../api/training-run.ts';
import { zTrainingSpec } from '../api/training-spec.ts';
import { resolveRunSpec } from './resolve-run-spec.ts';
import { type RunSpec, zRunSpec } from './run-spec.ts';

const FACTS = { run: 'u', name: 'run', device: 'auto', batches: { url: 'http://x' } } as const;
const supervised = (hyper: object, checkpoint: object = {}): RunSpec => {
  const given = trainingRun.schema.parse(sampleTrainingRun({ hyper, checkpoint }));
  return resolveRunSpec(given.spec, { ...FACTS, batches: undefined });
};
const reinforced = (hyper: object = {}): RunSpec =>
  resolveRunSpec(zTrainingSpec.parse({ ...rlSpec(), hyper }), FACTS);

test.each<[object, number]>([
  [{}, 8],
  [{ microBatch: 4 }, 8],
  [{ microBatch: 3 }, 9],
  [{ microBatch: 32 }, 32],
  [{ microBatch: 3, globalBatch: 6 }, 6],
])('a supervised step has rows of its own number: %o', (hyper, rows) => {
  expect(supervised({ epochs: 1, ...hyper }).hyper.globalBatch).toBe(rows);
});

test('a supervised run has checkpoints after so many steps', () => {
  expect(supervised({ epochs: 1 }).checkpoint.everySteps).toBe(50);
  expect(supervised({ epochs: 1 }, { everySteps: 3 }).checkpoint.everySteps).toBe(3);
});

test('reinforcement is told of neither, and a specification that has them is none', () => {
  const spec = reinforced({ microBatch: 32 });
  expect(spec.hyper).toEqual({
    ...{ learningRate: '1e-5', microBatch: 32, warmupSteps: 0 },
    ...{ schedule: 'constant', weightDecay: '0', gradientClip: '1.0' },
  });
  expect(spec.checkpoint).toEqual({ keep: 2, graceSeconds: 120 });
  expect(zRunSpec.safeParse(spec).success).toBe(true);
  for (const more of [
    { hyper: { ...spec.hyper, globalBatch: 64 } },
    { checkpoint: { ...spec.checkpoint, everySteps: 1 } },
  ]) {
    expect(zRunSpec.safeParse({ ...spec, ...more }).success).toBe(false);
  }
});
