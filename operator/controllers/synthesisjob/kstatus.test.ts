import { expect, test } from 'vitest';
import { type KStatus, kstatus } from '../../../test/support/kstatus.ts';
import {
  aSynthesisJob,
  aSynthesisState,
  TASK_SET,
} from '../../../test/support/synthesis/synthesis-objects.ts';
import { type StatusView, synthesisStatus } from './status.ts';
import type { SynthesisReason } from './vocabulary.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const result = { ended: 'TargetReached', taskSet: TASK_SET, at: 5000 } as const;
const done = aSynthesisState({ accepted: 24, result });
const late = aSynthesisState({ cancelled: 'DeadlineExceeded' });
const nothing = aSynthesisState({ accepted: 0, result: { ended: 'TokensExhausted', at: 0 } });
const suspended = aSynthesisJob({ suspend: true });
const unplanned = (reason: SynthesisReason<'Planned'>): Partial<StatusView> => ({
  state: undefined,
  problem: { reason, message: 'no' },
});
const held = (reason: SynthesisReason<'Progressing'>, waits = false): Partial<StatusView> => ({
  hindrance: { reason, message: 'no', waits },
});

/** `wait` ends well, ends badly, or goes on: what tools that wait for objects do in each state. */
test.each<readonly [string, Partial<StatusView>, KStatus]>([
  ['before the first plan', { state: undefined }, 'InProgress'],
  ['seeds are missing', { ...unplanned('SeedsNotFound'), still: true }, 'Failed'],
  ['planning is refused', { ...unplanned('PlanRefused'), still: true }, 'Failed'],
  ['the server is away', unplanned('ServerUnavailable'), 'InProgress'],
  ['planned', { state: aSynthesisState({ records: 0 }), still: true }, 'InProgress'],
  ['records are at work', {}, 'InProgress'],
  ['a model is asked', held('AskingModel', true), 'InProgress'],
  ['no room for the worker', held('Unschedulable', true), 'InProgress'],
  ['the Secret of a model is unfit', { ...held('UpstreamUnfit'), still: true }, 'Failed'],
  ['an endpoint refuses', { ...held('UpstreamRefused'), still: true }, 'Failed'],
  ['an image is missing', held('ImagePullFailing'), 'Failed'],
  ['the worker fails', held('WorkerFailing'), 'Failed'],
  ['gates wait for somebody', held('GatesStalled'), 'Failed'],
  ['the store is full', { ...held('StoreFull'), still: true }, 'Failed'],
  ['is being suspended', { job: suspended }, 'InProgress'],
  ['suspended', { job: suspended, still: true }, 'Current'],
  [
    'suspended, and its worker had failed before',
    { job: suspended, ...held('WorkerFailing'), still: true },
    'Current',
  ],
  ['all is done, pods are ending', { state: done }, 'InProgress'],
  ['all is done, pods are ending, suspended late', { job: suspended, state: done }, 'InProgress'],
  ['complete', { state: done, still: true }, 'Current'],
  ['complete, and suspended late', { job: suspended, state: done, still: true }, 'Current'],
  ['out of time, pods are ending', { state: late }, 'InProgress'],
  ['failed by its deadline', { state: late, still: true }, 'Failed'],
  ['failed with nothing accepted', { state: nothing, still: true }, 'Failed'],
])('%s', (_name, more, expected) => {
  const view = { job: aSynthesisJob(), state: aSynthesisState(), still: false, ...more };
  const { metadata } = view.job;
  const status = synthesisStatus(view, NOW);
  expect(kstatus({ metadata, status })).toBe(expected);
  const newer = { ...metadata, generation: (metadata.generation ?? 0) + 1 };
  expect(kstatus({ metadata: newer, status })).toBe('InProgress');
  const deletionTimestamp = '2026-03-01T12:00:00Z';
  expect(kstatus({ metadata: { ...metadata, deletionTimestamp }, status })).toBe('Terminating');
});
