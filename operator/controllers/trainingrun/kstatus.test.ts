import { expect, test } from 'vitest';
import { type KStatus, kstatus } from '../../../test/support/kstatus.ts';
import {
  aTrainerJob,
  aTrainerPod,
  aTrainingState,
  aTrainingView,
  COMPLETE,
  FAILED,
  NOTHING,
  OVER,
} from '../../../test/support/training/training-view.ts';
import { trainingStatus } from './status.ts';
import type { TrainingView } from './view.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const unplanned = (waits: boolean): Partial<TrainingView> => ({
  ...{ ...NOTHING, state: undefined },
  problem: { reason: waits ? 'Waiting' : 'BaseNotFound', message: 'no base', waits },
});
const refused = (reason: 'PodsForbidden' | 'JobsForbidden' | 'BatchesForbidden') => ({
  forbidden: { reason, message: 'no' },
});
const pod = (more: Parameters<typeof aTrainerPod>[0]): Partial<TrainingView> => ({
  pods: [aTrainerPod({ training: false, ...more })],
});
const rl = (blocked: string | undefined): Partial<TrainingView> => ({
  rl: {
    ...{ state: undefined, playing: undefined, problem: undefined, policy: undefined },
    ...{ forbidden: undefined, blocked },
  },
});

/** `wait` ends well, ends badly, or goes on: what tools that wait for objects do in each state. */
test.each<readonly [string, Partial<TrainingView>, KStatus]>([
  ['before the first plan', { ...NOTHING, state: undefined }, 'InProgress'],
  ['the base model is not complete yet', unplanned(true), 'InProgress'],
  ['the base model cannot be had', unplanned(false), 'Failed'],
  [
    'the server was never there',
    { ...NOTHING, state: undefined, serverAway: 'no answer' },
    'InProgress',
  ],
  [
    'the server is of another release',
    { ...NOTHING, state: undefined, serverAway: 'speaks 3', serverReason: 'ServerIncompatible' },
    'Failed',
  ],
  ['planned', NOTHING, 'InProgress'],
  ['the trainer is at work', {}, 'InProgress'],
  ['the server is away, the trainer is at work', { serverAway: 'no answer' }, 'InProgress'],
  ['a start ended before its time', { state: aTrainingState({ lastEnd: 'x' }) }, 'InProgress'],
  ['no room for the pods', pod({ unschedulable: 'no GPU' }), 'InProgress'],
  ['an image is missing', pod({ imageProblem: 'ErrImagePull: no' }), 'Failed'],
  ['a quota is used up', { ...refused('PodsForbidden'), pods: [] }, 'InProgress'],
  ['the Job is refused', { ...refused('JobsForbidden'), ...NOTHING }, 'Failed'],
  ['a RolloutBatch is refused', refused('BatchesForbidden'), 'Failed'],
  ['a RolloutBatch waits for somebody', rl('no Secret'), 'Failed'],
  ['its RolloutBatches go on', rl(undefined), 'InProgress'],
  ['the store is full', { ...NOTHING, storeFull: true }, 'InProgress'],
  [
    'a queue has not admitted it',
    { jobs: [aTrainerJob({ suspended: 'no quota' })], pods: [] },
    'InProgress',
  ],
  ['is being suspended', { mode: 'pause' }, 'InProgress'],
  [
    'is being suspended, the last checkpoint is on its way',
    { mode: 'pause', jobs: [] },
    'InProgress',
  ],
  ['suspended', { mode: 'pause', ...NOTHING }, 'Current'],
  [
    'suspended while the base model cannot be had',
    { mode: 'pause', ...unplanned(false) },
    'Failed',
  ],
  ['the model is stored, pods are ending', { state: COMPLETE }, 'InProgress'],
  ['complete', { state: COMPLETE, ...OVER }, 'Current'],
  ['complete, and suspended late', { mode: 'pause', state: COMPLETE, ...OVER }, 'Current'],
  ['out of time, the Job is not ended yet', { mode: 'stop' }, 'InProgress'],
  ['it has failed, pods are ending', { state: FAILED }, 'InProgress'],
  [
    'it has failed, pods are ending, suspended late',
    { mode: 'pause', state: FAILED },
    'InProgress',
  ],
  ['failed', { state: FAILED, ...OVER }, 'Failed'],
])('%s', (_name, more, expected) => {
  const view = aTrainingView(more);
  const { metadata } = view.run;
  const status = trainingStatus(view, NOW);
  expect(kstatus({ metadata, status })).toBe(expected);
  const newer = { ...metadata, generation: (metadata.generation ?? 0) + 1 };
  expect(kstatus({ metadata: newer, status })).toBe('InProgress');
  const deletionTimestamp = '2026-03-01T12:00:00Z';
  expect(kstatus({ metadata: { ...metadata, deletionTimestamp }, status })).toBe('Terminating');
});
