import { expect, test } from 'vitest';
import { type AttemptFacts, nextStep } from './next-step.ts';

const policy = { infraRetries: 2, disruptionLimit: 3 };
const open: AttemptFacts = { end: undefined, close: undefined };
const ended: AttemptFacts = { end: {}, close: undefined };
const closed = (kind: NonNullable<AttemptFacts['close']>['class'], reason = ''): AttemptFacts => ({
  end: undefined,
  close: { class: kind, reason },
});
const infra = closed('infra_error', 'SandboxFailed');
const lost = closed('infra_error', 'SnapshotNeverArrived');
const disrupted = closed('disruption', 'EngineDied');

test.each<[string, AttemptFacts[], string]>([
  ['no attempt', [], 'openAttempt'],
  ['an attempt of an engine that died', [open], 'closeDisrupted'],
  ['a safe workspace', [ended], 'verify'],
  ['a classed attempt whose decision was not written', [closed('scored')], 'verify'],
  ['a stopped attempt', [closed('cancelled')], 'openAttempt'],
  ['one infrastructure failure', [infra], 'openAttempt'],
  ['two infrastructure failures', [infra, infra], 'openAttempt'],
  ['infrastructure retries used up', [infra, infra, infra], 'giveUp:InfraRetriesExhausted'],
  ['agents that never left a workspace', [lost, lost, lost], 'giveUp:SnapshotNeverArrived'],
  ['disruptions have their own counter', [infra, disrupted, disrupted, infra], 'openAttempt'],
  ['the disruption limit', [disrupted, disrupted, disrupted, disrupted], 'giveUp:DisruptionLimit'],
  ['cancellations use no retry', [...Array(50).fill(closed('cancelled'))], 'openAttempt'],
])('after %s: %s', (_name, attempts, expected) => {
  const step = nextStep(attempts, policy);
  expect(step.do === 'giveUp' ? `giveUp:${step.reason}` : step.do).toBe(expected);
});

test.each<[string, AttemptFacts[], number, string]>([
  ['the failures before it', [infra, infra, infra], 3, 'openAttempt'],
  ['two failures since', [infra, infra, infra, infra, infra], 3, 'openAttempt'],
  ['its own retries used up', [infra, infra, infra, infra, infra, infra], 3, 'giveUp'],
])('opened again, a rollout after %s: %#', (_name, attempts, from, expected) => {
  expect(nextStep(attempts, policy, from).do).toBe(expected);
});
