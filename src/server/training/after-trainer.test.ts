import { expect, it } from 'vitest';
import type { TrainerEndedBody } from '../../protocol/training-api.ts';
import { afterTrainer } from './after-trainer.ts';
import { NEW_RUN, type RunData } from './training-row.ts';

const MOST = { failures: 1, disruptions: 2 };
const RUN: RunData = { ...NEW_RUN, jobUid: 'job-1' };
const ended = (more: Partial<TrainerEndedBody>): TrainerEndedBody => ({
  ...{ attempt: 1, cause: 'exited' },
  ...more,
});

it.each<[string, RunData, Partial<TrainerEndedBody>, Partial<RunData>]>([
  ['a pause counts nothing', RUN, { cause: 'paused' }, { attempt: 2, restarts: NEW_RUN.restarts }],
  [
    'a lost node counts as a disruption',
    RUN,
    { cause: 'lost', message: 'node-1 is gone' },
    {
      attempt: 2,
      restarts: { failures: 0, disruptions: 1 },
      lastEnd: 'something stopped it (node-1 is gone)',
    },
  ],
  [
    'a crash counts as a failure',
    RUN,
    { exitCode: 137 },
    { attempt: 2, restarts: { failures: 1, disruptions: 0 }, lastEnd: 'exit code 137' },
  ],
  [
    'one crash too many',
    { ...RUN, restarts: { failures: 1, disruptions: 0 } },
    { exitCode: 137 },
    {
      attempt: 1,
      end: { state: 'failed', reason: 'BackoffLimit', message: 'exit code 137, after 1 restarts' },
    },
  ],
  [
    'bad data ends it, in the words of the trainer',
    { ...RUN, said: 'row 3 is no JSON' },
    { exitCode: 2 },
    {
      end: {
        state: 'failed',
        reason: 'BadInput',
        message: 'the same run would end the same. The trainer said: row 3 is no JSON',
      },
    },
  ],
  [
    'an end without a model is no end',
    RUN,
    { exitCode: 0 },
    { attempt: 2, lastEnd: 'exit code 0, and its model was not handed in' },
  ],
])('%s', (_, data, body, expected) => {
  const next = afterTrainer(data, ended(body), MOST, 7);
  expect(next).toMatchObject(expected);
  // Told twice, it counts once: the next start is another number, and has another Job.
  if (next.end === undefined) {
    expect(next.jobUid).toBeUndefined();
    expect(afterTrainer(next, ended(body), MOST, 8)).toBe(next);
  }
});

it('changes nothing of a run that has ended', () => {
  const data: RunData = { ...RUN, end: { state: 'failed', reason: 'Deleted', message: '' } };
  expect(afterTrainer(data, ended({ exitCode: 1 }), MOST, 7)).toBe(data);
});
