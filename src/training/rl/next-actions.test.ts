import { describe, expect, it } from 'vitest';
import { nextActions, type SeenRun, type SeenStep } from './next-actions.ts';
import type { RlRun } from './rl-run.ts';

const RUN: RlRun = {
  name: 'r',
  seed: 1,
  steps: 2,
  tasks: ['a', 'b', 'c'],
  groups: { perStep: 2, samples: 4, minSamples: 2 },
  evaluate: { every: 2, tasks: ['e'], samples: 3 },
  trainerRetries: 2,
};
const NEW: SeenRun = {
  steps: [],
  decided: new Set(),
  published: false,
  serving: undefined,
  trainer: { state: 'off' },
};
const UP = { serving: 0, trainer: { state: 'running' } } as const;
const step = (number: number | undefined, trained: boolean, rewarded = 8): SeenStep => ({
  number,
  trained,
  rewarded,
});
const deeds = (seen: Partial<SeenRun>, run = RUN): readonly string[] =>
  nextActions(run, { ...NEW, ...seen }).map((action) => {
    switch (action.do) {
      case 'rollOut':
      case 'freeze':
        return `${action.do} ${action.batch.name} v${action.batch.policyVersion}`;
      case 'serve':
        return `serve ${action.version}`;
      case 'awaitTrained':
        return `await ${action.number}`;
      case 'fail':
        return `fail ${action.reason}`;
      default:
        return action.do;
    }
  });

describe('the next actions of a reinforcement run', () => {
  const ended = (exitCode: number, starts = 1) =>
    ({ trainer: { state: 'ended', exitCode, starts } }) as const;
  const all = [step(1, true), step(2, true)];
  const evaluated = { decided: new Set(['r-eval-2']) };

  it.each<[string, Partial<SeenRun>, readonly string[]]>([
    ['begins with trainer and server', {}, ['startTrainer', 'serve 0']],
    ['rolls out with both up', UP, ['rollOut r-step-1 v0']],
    [
      'rolls on while a trainer comes back',
      { ...UP, ...ended(1) },
      ['startTrainer', 'rollOut r-step-1 v0'],
    ],
    ['freezes what is decided', { ...UP, decided: new Set(['r-step-1']) }, ['freeze r-step-1 v0']],
    [
      'needs no server to freeze',
      { ...UP, serving: undefined, decided: new Set(['r-step-1']) },
      ['freeze r-step-1 v0'],
    ],
    ['waits for the trainer', { ...UP, steps: [step(1, false)] }, ['await 1']],
    [
      'starts a lost trainer anew',
      { ...UP, ...ended(137), steps: [step(1, false)] },
      ['startTrainer', 'await 1'],
    ],
    ['reloads before the next step', { ...UP, steps: [step(1, true)] }, ['serve 1']],
    [
      'samples with the new version',
      { ...UP, serving: 1, steps: [step(1, true)] },
      ['rollOut r-step-2 v1'],
    ],
    [
      'keeps the version after a step that taught nothing',
      { ...UP, steps: [step(undefined, false)] },
      ['rollOut r-step-2 v0'],
    ],
    [
      'numbers batches without gaps',
      { ...UP, steps: [step(undefined, false)], decided: new Set(['r-step-2']) },
      ['freeze r-step-2 v0'],
    ],
    ['evaluates the last policy', { ...UP, serving: 2, steps: all }, ['rollOut r-eval-2 v2']],
    ['tells the trainer that it is over', { ...UP, steps: all, ...evaluated }, ['awaitTrainerEnd']],
    ['starts it to hear so', { steps: all, ...evaluated }, ['startTrainer']],
    ['publishes at its end', { steps: all, ...evaluated, ...ended(0) }, ['publish']],
    ['is done', { steps: all, published: true }, ['nothing']],
    ['refuses what no try mends', ended(3), ['fail Diverged']],
    ['says so of bad input', ended(2), ['fail BadInput']],
    ['and of memory', ended(4), ['fail OutOfMemory']],
    ['tries others again', ended(1, 2), ['startTrainer', 'serve 0']],
    ['but not for ever', ended(1, 3), ['fail TrainerFailed']],
    ['nor one that leaves early', ended(0, 3), ['fail TrainerFailed']],
  ])('%s', (_title, seen, expected) => {
    expect(deeds(seen)).toEqual(expected);
  });

  it('gives up where three steps bring no reward at all', () => {
    const none = [1, 2, 3].map(() => step(undefined, false, 0));
    expect(deeds({ ...UP, steps: none }, { ...RUN, steps: 9 })).toEqual(['fail NoRewards']);
    const one = [step(undefined, false, 0), step(undefined, false, 1), step(undefined, false, 0)];
    expect(deeds({ ...UP, steps: one }, { ...RUN, steps: 9 })).toEqual(['rollOut r-step-4 v0']);
  });
});
