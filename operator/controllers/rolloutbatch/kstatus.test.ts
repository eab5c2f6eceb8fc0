import { expect, test } from 'vitest';
import { asSha256 } from '../../../src/base/brand.ts';
import { batchState, jobFactOf, jobState, podFactOf } from '../../../test/support/batch-cases.ts';
import { statusBatch, statusInput } from '../../../test/support/batch-status.ts';
import { type KStatus, kstatus } from '../../../test/support/kstatus.ts';
import { batchStatus } from './status.ts';
import type { StatusInput } from './status-input.ts';

const results = { results: asSha256('b'.repeat(64)), decided: 10, pending: 0 };
const running = { jobs: [jobState('a')], active: 4, attempts: 4 };
const agentChanged = { frozen: 'pi 0.1.0', now: 'pi 0.2.0' };
const refusal = { kind: 'planning', reason: 'PlanRefused', message: 'spec.agent: no' } as const;
const strange = { kind: 'protocol', message: 'speaks 3' } as const;
const away = { kind: 'server', message: 'no answer' } as const;

/** `wait` ends well, ends badly, or goes on: what tools that wait for objects do in each state. */
test.each<readonly [string, Partial<StatusInput>, KStatus]>([
  ['before the first plan', { state: undefined }, 'InProgress'],
  ['planning is refused', { state: undefined, hindrance: refusal }, 'Failed'],
  ['the server was never there', { state: undefined, hindrance: away }, 'InProgress'],
  ['the server is of another release', { state: undefined, hindrance: strange }, 'Failed'],
  [
    'the server became another one while agents run',
    { hindrance: strange, state: batchState(running) },
    'Failed',
  ],
  [
    'the server is of another release, all is over',
    { hindrance: strange, state: batchState(results) },
    'Current',
  ],
  ['planned', {}, 'InProgress'],
  ['agents at work', { state: batchState(running) }, 'InProgress'],
  ['no room for pods', held({ unschedulable: 'Insufficient cpu' }), 'InProgress'],
  ['an image is missing', held({ imageProblem: 'ErrImagePull: no' }), 'InProgress'],
  [
    'a quota is used up',
    { state: batchState(running), forbidden: { reason: 'PodsForbidden', message: 'quota' } },
    'InProgress',
  ],
  ['the store is full', { storeFull: true, state: batchState(running) }, 'InProgress'],
  [
    'a queue has not admitted it',
    {
      batch: statusBatch({ sandbox: { queueName: 'team' } }),
      jobs: [jobFactOf('a', { suspended: 'no quota' })],
    },
    'InProgress',
  ],
  [
    'another harness, agents at work',
    { state: batchState({ ...running, agentChanged }) },
    'InProgress',
  ],
  ['another harness, nothing runs', { state: batchState({ agentChanged }) }, 'Failed'],
  [
    'another harness, nothing left to start',
    { state: batchState({ agentChanged, pending: 0, verifying: 10 }) },
    'InProgress',
  ],
  [
    'is being suspended',
    { mode: 'pause', state: batchState({ jobs: [jobState('a')] }) },
    'InProgress',
  ],
  ['suspended', { mode: 'pause' }, 'Current'],
  ['all decided, results awaited', { state: batchState({ decided: 10 }) }, 'InProgress'],
  ['complete', { state: batchState(results) }, 'Current'],
  ['complete, and suspended late', { mode: 'pause', state: batchState(results) }, 'Current'],
  ['out of time, pods are ending', { mode: 'stop', state: batchState(running) }, 'InProgress'],
  ['failed', { mode: 'stop', state: batchState(results) }, 'Failed'],
])('%s', (_name, more, expected) => {
  const { metadata } = statusBatch();
  const status = batchStatus(statusInput(more));
  expect(kstatus({ metadata, status })).toBe(expected);
  const newer = { ...metadata, generation: (metadata.generation ?? 0) + 1 };
  expect(kstatus({ metadata: newer, status })).toBe('InProgress');
  const deletionTimestamp = '2026-03-01T12:00:00Z';
  expect(kstatus({ metadata: { ...metadata, deletionTimestamp }, status })).toBe('Terminating');
});

function held(pod: Parameters<typeof podFactOf>[1]): Partial<StatusInput> {
  return { state: batchState(running), pods: [podFactOf('a', pod)] };
}
