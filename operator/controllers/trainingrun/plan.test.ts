import { expect, it } from 'vitest';
import {
  aTrainerJob as job,
  MODEL,
  aTrainerPod as pod,
  aTrainingState as state,
} from '../../../test/support/training/training-view.ts';
import type { Observed, TrainerPodFact } from './observed.ts';
import { endOf, planActions } from './plan.ts';

const exit = (code: number): TrainerPodFact['exit'] => ({ container: 'trainer', code, words: '' });
const seen = (more: Partial<Observed> = {}): Observed => ({
  ...{ mode: 'run', state: state(), jobName: 'run-t2', jobs: [], pods: [], pausing: false },
  ...{ mayStart: true, deadlineSeconds: 60 },
  ...more,
});
const told = state({ jobUid: 'job-2' });
const failed = state({ end: { state: 'failed', reason: 'Diverged', message: 'nan' } });
const complete = state({ end: { state: 'complete', model: MODEL } });

it.each<[string, Partial<Observed>, readonly object[]]>([
  ['nothing is there: a Job is made', {}, [{ do: 'create', attempt: 2, name: 'run-t2' }]],
  ['nothing may start', { mayStart: false }, []],
  ['it is suspended before it began', { mode: 'pause' }, []],
  ['pods of the start before still end', { pods: [pod({ jobUid: 'job-1' })] }, []],
  [
    'a Job whose uid was never told, as after a crash',
    { jobs: [job()] },
    [{ do: 'tell-job', attempt: 2, jobUid: 'job-2' }],
  ],
  ['it trains', { state: told, jobs: [job()], pods: [pod()] }, []],
  [
    'the Job of the start before is still there',
    { state: told, jobs: [job(), job({ name: 'run-t1', uid: 'job-1' })] },
    [{ do: 'delete', job: job({ name: 'run-t1', uid: 'job-1' }) }],
  ],
  [
    'the Job has failed, and its sidecar still hands in a checkpoint',
    { state: told, jobs: [job({ finished: true })], pods: [pod({ exit: exit(1) })] },
    [],
  ],
  [
    'the Job has failed and nothing lives',
    { state: told, jobs: [job({ finished: true })], pods: [pod({ over: true, exit: exit(1) })] },
    [
      {
        do: 'ended',
        body: {
          ...{ attempt: 2, cause: 'exited', exitCode: 1 },
          message: 'pod run-t2-0, container trainer: exit code 1',
        },
      },
    ],
  ],
  [
    'somebody deleted the Job',
    { state: told },
    [
      {
        do: 'ended',
        body: { attempt: 2, cause: 'lost', message: 'its Job was deleted' },
        unless: 'run-t2',
      },
    ],
  ],
  [
    'its node is lost',
    { state: told, jobs: [job()], pods: [pod({ over: true, stuck: true })] },
    [
      {
        do: 'ended',
        body: { attempt: 2, cause: 'lost', message: 'pod run-t2-0: its node does not answer' },
      },
    ],
  ],
  [
    'it is to pause',
    { mode: 'pause', pausing: true, state: told, jobs: [job()], pods: [pod()] },
    [{ do: 'delete', job: job() }],
  ],
  [
    'it pauses: the last checkpoint is on its way',
    { mode: 'pause', pausing: true, state: told, jobs: [job({ deleting: true })], pods: [pod()] },
    [],
  ],
  [
    'it has paused',
    { mode: 'pause', pausing: true, state: told },
    [{ do: 'ended', body: { attempt: 2, cause: 'paused' }, unless: 'run-t2' }],
  ],
  [
    'its time is over',
    { mode: 'stop', state: told, jobs: [job()], pods: [pod()] },
    [
      {
        do: 'cancel',
        body: {
          reason: 'DeadlineExceeded',
          message:
            'activeDeadlineSeconds (60) passed after step 4 of 10; create another TrainingRun with more time',
        },
      },
    ],
  ],
  [
    'it has failed: what still runs is ended',
    { state: failed, jobs: [job()], pods: [pod()] },
    [{ do: 'delete', job: job() }],
  ],
  ['its model is stored: the pod ends by itself', { state: complete, jobs: [job()] }, []],
])('%s', (_, observed, actions) => {
  expect(planActions(seen(observed))).toEqual(actions);
});

const ended = (code: number, name = 'p0') => pod({ name, over: true, exit: exit(code) });

it.each<[string, readonly TrainerPodFact[], boolean, object]>([
  [
    'bad data stands before what the others died of',
    [ended(143), ended(2)],
    false,
    { exitCode: 2 },
  ],
  [
    'a crash stands before the stops that it caused',
    [ended(143), ended(139)],
    false,
    { exitCode: 139 },
  ],
  ['a stop that nobody of us asked for', [ended(143)], false, { exitCode: 143 }],
  ['all done', [ended(0), ended(0)], false, { exitCode: 0 }],
  [
    'an eviction, whatever the trainer made of it',
    [pod({ over: true, exit: exit(137), disruption: 'EvictionByEvictionAPI' })],
    false,
    { cause: 'lost' },
  ],
  ['no pod is left', [], false, { cause: 'lost' }],
  ['ended by us', [ended(143)], true, { cause: 'paused' }],
  ['bad data while it was to pause', [ended(2)], true, { exitCode: 2 }],
])('end of a start: %s', (_, pods, pausing, end) => {
  expect(endOf(1, pods, pausing)).toMatchObject({ attempt: 1, ...end });
});
