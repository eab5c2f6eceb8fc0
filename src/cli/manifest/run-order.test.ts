import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Ordered, runOrder } from './run-order.ts';

const object = (kind: string, name: string, spec: object = {}): Ordered => ({
  kind,
  metadata: { name },
  spec,
});
const run = (name: string, base?: string): Ordered =>
  object('TrainingRun', name, { base: base === undefined ? {} : { trainingRun: { name: base } } });
const nothing = (): boolean => false;
const names = (objects: readonly Ordered[]): string[] =>
  objects.map(({ metadata }) => metadata.name);

const CIRCLE = [
  object('BenchRun', 'last', {
    arms: [{ name: 'sft', model: { trainingRun: { name: 'sft' } } }, { name: 'base' }],
  }),
  object('TrainingRun', 'sft', { data: { from: { batches: ['teacher'] } } }),
  object('RolloutBatch', 'teacher', { tasks: { synthesisJob: { name: 'tasks' } } }),
  object('SynthesisJob', 'tasks'),
];

describe('the order of a manifest', () => {
  test('puts each object after those that it names', () => {
    expect(names(runOrder(CIRCLE, nothing))).toEqual(['tasks', 'teacher', 'sft', 'last']);
  });

  test('is that of the manifest where nothing speaks against it', () => {
    expect(names(runOrder([run('c'), run('a'), run('b', 'c')], nothing))).toEqual(['c', 'a', 'b']);
  });

  test('knows the arm of a bench as a batch', () => {
    const sft = object('TrainingRun', 'x', { data: { from: { batches: ['last-sft'] } } });
    const bench = object('BenchRun', 'last', { arms: [{ name: 'sft' }] });
    expect(names(runOrder([sft, bench], nothing))).toEqual(['last', 'x']);
  });

  test('takes what an earlier run left in the work folder', () => {
    const known = (kind: string, name: string) => kind === 'TrainingRun' && name === 'sft';
    expect(names(runOrder([run('rl', 'sft')], known))).toEqual(['rl']);
  });

  test('a name that is nowhere is named, with what was meant', () => {
    expect(() => runOrder([run('sft'), run('rl', 'stf')], nothing)).toThrow(
      'TrainingRun rl: spec.base.trainingRun names TrainingRun "stf", which neither the manifest nor the work folder has; did you mean sft?',
    );
    expect(() => runOrder([run('rl', 'other')], nothing)).toThrow(
      'run it first with the same --out',
    );
  });

  test('a name of another kind does not count', () => {
    expect(() => runOrder([object('BenchRun', 'sft'), run('rl', 'sft')], nothing)).toThrow(
      'names TrainingRun "sft"',
    );
  });

  test.each<[string, readonly Ordered[], string]>([
    ['itself', [run('a', 'a')], 'TrainingRun a -> TrainingRun a'],
    [
      'two',
      [run('x'), run('a', 'b'), run('b', 'a')],
      'TrainingRun a -> TrainingRun b -> TrainingRun a',
    ],
    ['one behind', [run('c', 'a'), run('a', 'b'), run('b', 'a')], 'TrainingRun a -> TrainingRun b'],
  ])('objects that wait for each other are named: %s', (_, objects, circle) => {
    expect(() => runOrder(objects, nothing)).toThrow(circle);
  });

  test('holds for any manifest without a circle, and keeps every object once', () => {
    const manifest = fc.array(fc.nat(), { minLength: 1, maxLength: 12 }).chain((bases) =>
      fc.shuffledSubarray(
        bases.map((pick, index) => run(`r${index}`, index === 0 ? undefined : `r${pick % index}`)),
        { minLength: bases.length },
      ),
    );
    fc.assert(
      fc.property(manifest, (objects) => {
        const order = runOrder(objects, nothing);
        expect(names(order).toSorted()).toEqual(names(objects).toSorted());
        for (const [index, { spec }] of order.entries()) {
          const base = (spec as { base: { trainingRun?: { name: string } } }).base.trainingRun;
          if (base) expect(names(order.slice(0, index))).toContain(base.name);
        }
      }),
    );
  });
});
