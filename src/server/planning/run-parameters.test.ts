import { expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from './batch-settings.ts';
import { type ArmParameters, runParameters } from './run-parameters.ts';

const said = (...arms: readonly ArmParameters[]) => {
  const { budgets, sampling } = runParameters(4, DEFAULT_SETTINGS, arms);
  return [budgets, sampling];
};

it('names counts and limits', () => {
  expect(runParameters(4, DEFAULT_SETTINGS, [])).toMatchObject({
    samples: '4',
    timeoutPercent: '100',
    budgets: 'none',
    retries: '2 after infrastructure failures, 20 after disruptions',
  });
});

it('says budgets and sampling once where all arms share them', () => {
  const budgets = { turns: 30, tokens: 1000, seconds: 60 };
  const arms = ['pi', 'openclaw'].map((name) => ({
    name,
    budgets,
    sampling: { temperature: 0.7 },
  }));
  expect(said(...arms)).toEqual(['30 model calls, 1000 tokens, 60 s', 'temperature 0.7']);
});

it('says them by arm where they differ, sampling for arms with a model', () => {
  const nop = { name: 'nop', budgets: {}, sampling: undefined };
  const pi = { name: 'pi', budgets: { turns: 5 }, sampling: {} };
  const hot = { name: 'hot', budgets: { turns: 5 }, sampling: { temperature: 1 } };
  expect(said(nop)).toEqual(['none', undefined]);
  expect(said(nop, pi)).toEqual(['nop: none; pi: 5 model calls', "the agent's own"]);
  expect(said(pi, hot)).toEqual(['5 model calls', "pi: the agent's own; hot: temperature 1"]);
});
