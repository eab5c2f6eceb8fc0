import { expect, test } from 'vitest';
import { agentDeadline } from './attempt-limits.ts';
import { DEFAULT_SETTINGS } from './batch-settings.ts';

test('a scaled time-out stays below what a timer can count', () => {
  const task = { timeouts: { agentSeconds: 604_800, verifierSeconds: 60 } };
  const settings = { ...DEFAULT_SETTINGS, timeoutPercent: 10_000, budgets: {} };
  expect(agentDeadline(task, settings) * 1000).toBeLessThan(2 ** 31);
});
