import { describe, expect, it, test } from 'vitest';
import { trainingRun } from '../../../src/api/training-run.ts';
import {
  anRlRun,
  anRlState,
  aTrainerJob,
  aTrainingRun,
  aTrainingState,
  aTrainingView,
  BASE,
  COMPLETE,
  FAILED,
  MODEL,
  NOTHING,
  OVER,
  TASKS,
} from '../../../test/support/training/training-view.ts';
import type { TrainingRun } from '../shared/kinds.ts';
import { isDone, trainingStatus } from './status.ts';
import type { TrainingView } from './view.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const rlSeen = (more: Partial<NonNullable<TrainingView['rl']>> = {}) => ({
  ...{ state: anRlState(), playing: undefined, problem: undefined, blocked: undefined },
  ...{ policy: undefined, forbidden: undefined },
  ...more,
});

/** `Type=Status Reason`, of those that are asked for. */
function shown(more: Partial<TrainingView>, ...types: readonly string[]): readonly string[] {
  const { conditions = [] } = trainingStatus(aTrainingView(more), NOW);
  return conditions
    .filter(({ type }) => types.includes(type))
    .map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

test.each<readonly [string, Partial<TrainingView>, readonly string[]]>([
  [
    'before the first plan',
    { ...NOTHING, state: undefined },
    ['Planned=Unknown Waiting', 'Progressing=True Planning', 'Suspended=False NotSuspended'],
  ],
  [
    'the base model cannot be had',
    {
      ...{ ...NOTHING, state: undefined },
      problem: { reason: 'BaseNotFound', message: 'no', waits: false },
    },
    ['Planned=False BaseNotFound', 'Progressing=False Blocked', 'Suspended=False NotSuspended'],
  ],
  [
    'the base model is not complete yet',
    {
      ...{ ...NOTHING, state: undefined },
      problem: { reason: 'Waiting', message: 'soon', waits: true },
    },
    ['Planned=Unknown Waiting', 'Progressing=True Planning', 'Suspended=False NotSuspended'],
  ],
  [
    'the server was never there',
    { ...NOTHING, state: undefined, serverAway: 'no answer' },
    [
      'Planned=Unknown ServerUnavailable',
      'Progressing=Unknown ServerUnavailable',
      'Suspended=False NotSuspended',
    ],
  ],
  [
    'the server is of another release',
    { ...NOTHING, state: undefined, serverAway: 'speaks 3', serverReason: 'ServerIncompatible' },
    [
      'Planned=Unknown ServerIncompatible',
      'Progressing=False ServerIncompatible',
      'Suspended=False NotSuspended',
    ],
  ],
  [
    'the tasks of the reinforcement are not frozen',
    { run: anRlRun(), rl: rlSeen({ state: undefined }), ...NOTHING },
    ['Planned=Unknown Waiting', 'Progressing=True Starting', 'Suspended=False NotSuspended'],
  ],
  [
    'it trains',
    {},
    ['Planned=True InputsFrozen', 'Progressing=True Training', 'Suspended=False NotSuspended'],
  ],
  [
    'a queue holds its Job',
    { jobs: [aTrainerJob({ suspended: 'no quota' })], pods: [] },
    ['Planned=True InputsFrozen', 'Progressing=False Queued', 'Suspended=True JobSuspended'],
  ],
  [
    'is being suspended',
    { mode: 'pause' },
    ['Planned=True InputsFrozen', 'Progressing=False Suspended', 'Suspended=True Suspending'],
  ],
  [
    'suspended',
    { mode: 'pause', ...NOTHING },
    ['Planned=True InputsFrozen', 'Progressing=False Suspended', 'Suspended=True SuspendRequested'],
  ],
  [
    'complete, and suspended late',
    { mode: 'pause', state: COMPLETE, ...OVER },
    ['Planned=True InputsFrozen', 'Progressing=False Complete', 'Suspended=False Finished'],
  ],
])('says what it is doing: %s', (_name, more, expected) => {
  expect(shown(more, 'Planned', 'Progressing', 'Suspended')).toEqual(expected);
});

test.each<readonly [string, Partial<TrainingView>, readonly string[]]>([
  ['nothing while it trains', {}, []],
  ['nothing while pods of a stored model end', { state: COMPLETE }, []],
  ['complete', { state: COMPLETE, ...OVER }, ['Complete=True ModelStored']],
  ['about to fail', { state: FAILED }, ['FailureTarget=True Diverged']],
  ['failed', { state: FAILED, ...OVER }, ['FailureTarget=True Diverged', 'Failed=True Diverged']],
])('says how it ends: %s', (_name, more, expected) => {
  expect(shown(more, 'Complete', 'FailureTarget', 'Failed')).toEqual(expected);
});

test.each<readonly [string, Partial<TrainingView>, boolean]>([
  ['nothing is decided', NOTHING, false],
  ['a pod is alive', { state: COMPLETE, jobs: OVER.jobs }, false],
  ['a Job goes on', { state: COMPLETE, pods: OVER.pods }, false],
  [
    'a Job is being deleted',
    { state: COMPLETE, jobs: [aTrainerJob({ deleting: true })], pods: [] },
    true,
  ],
  ['nothing is there any more', { state: FAILED, ...NOTHING }, true],
])('is done or not: %s', (_name, more, expected) => {
  expect(isDone(aTrainingView(more))).toBe(expected);
});

describe('numbers', () => {
  it('are those of the server, with the digests that are frozen', () => {
    const state = aTrainingState({
      ...{ inputs: { base: BASE, data: MODEL, template: BASE, image: 'i' }, startedAt: NOW - 1000 },
      ...{ progress: { step: 4, totalSteps: 10, loss: 0.123456789, tokens: 70 }, progressAt: NOW },
      ...{ rows: { in: 9, kept: 8, dropped: 1 }, checkpoint: { step: 3 } },
      restarts: { failures: 1, disruptions: 0 },
    });
    const status = trainingStatus(aTrainingView({ state }), NOW);
    const { conditions, ...numbers } = status;
    expect(numbers).toEqual({
      observedGeneration: 3,
      inputs: { base: BASE, data: MODEL, template: BASE, image: 'i' },
      startTime: '2026-03-01T11:59:59Z',
      ...{ progress: '4/10', step: 4, totalSteps: 10, tokens: 70, loss: '0.12346' },
      metricsTime: '2026-03-01T12:00:00Z',
      ...{ rows: { in: 9, kept: 8, dropped: 1 }, checkpoint: { step: 3 } },
      restarts: { failures: 1, disruptions: 0 },
    });
    expect(conditions?.map(({ observedGeneration }) => observedGeneration)).toEqual(
      conditions?.map(() => 3),
    );
    expect(trainingRun.status.safeParse(status).error?.issues).toBeUndefined();
  });

  it('of a reinforcement run are counted by rows', () => {
    const view = aTrainingView({
      run: anRlRun(),
      rl: rlSeen({ state: anRlState({ reward: 0.5 }) }),
    });
    expect(trainingStatus(view, NOW)).toMatchObject({
      ...{ progress: '2/9', step: 2, totalSteps: 9, policyVersion: 2, tokens: 70, reward: '0.5' },
      inputs: { taskSet: TASKS },
    });
  });

  it('of a trainer that tells no number are absent', () => {
    const progress = { step: 1, loss: Number.NaN };
    const status = trainingStatus(aTrainingView({ state: aTrainingState({ progress }) }), NOW);
    expect(status).not.toHaveProperty('loss');
    expect(status).not.toHaveProperty('progress');
    expect(status).not.toHaveProperty('restarts');
  });

  it('name the model once it is stored, and the end once nothing lives', () => {
    const stored = trainingStatus(aTrainingView({ state: COMPLETE }), NOW);
    expect(stored.model).toEqual({ digest: MODEL });
    expect(stored.completionTime).toBeUndefined();
    const done = trainingStatus(aTrainingView({ state: COMPLETE, ...OVER }), NOW);
    expect(done.completionTime).toBe('2026-03-01T12:00:00Z');
    const run = aTrainingRun({}, done);
    const later = trainingStatus(aTrainingView({ run, state: COMPLETE, ...OVER }), NOW + 5000);
    expect(later.completionTime).toBe('2026-03-01T12:00:00Z');
  });
});

it('keeps what stands while the server is away', () => {
  const run = aTrainingRun({}, trainingStatus(aTrainingView(), NOW));
  const away = aTrainingView({ run, state: undefined, serverAway: 'no answer' });
  const status = trainingStatus(away, NOW);
  expect(status).toMatchObject({ progress: '4/10', inputs: { base: BASE } });
  const planned = status.conditions?.find(({ type }) => type === 'Planned');
  expect(`${planned?.status} ${planned?.reason}`).toBe('True InputsFrozen');
});

it('says whether its policy is served for as long as it is needed', () => {
  const served = { type: 'ModelServed', status: 'True', reason: 'Served', message: '' } as const;
  const rl = rlSeen({ policy: served });
  const before = trainingStatus(aTrainingView({ run: anRlRun(), rl }), NOW);
  const run = { ...anRlRun(), status: before };
  expect(shown({ run, rl }, 'ModelServed')).toEqual(['ModelServed=True Served']);
  expect(shown({ run, rl: rlSeen() }, 'ModelServed')).toEqual(['ModelServed=False NotNeeded']);
  const done = { run, rl, state: COMPLETE, ...OVER };
  expect(shown(done, 'ModelServed')).toEqual(['ModelServed=False NotNeeded']);
  expect(shown({ run: anRlRun(), rl: rlSeen() }, 'ModelServed')).toEqual([]);
});

const EVALUATIONS = [{ step: 1, n: 4, score: '0.7500', scoreLow: '0.3006', scoreHigh: '0.9544' }];
const evaluated = rlSeen({
  state: anRlState({
    ...{ steps: 1, step: 1, policyVersion: 1, trainedTokens: 1, over: true },
    evaluations: [
      {
        ...{ step: 1, policyVersion: 1, rollouts: 5, rewarded: 4, score: 0.75 },
        interval: { low: 0.30064, high: 0.95441 },
      },
    ],
  }),
});
const known = { evaluations: EVALUATIONS };

test.each<readonly [string, TrainingRun['status'], Partial<TrainingView>]>([
  ['while it trains', undefined, { rl: evaluated }],
  ['at its end', undefined, { state: COMPLETE, rl: evaluated }],
  ['where the rollouts were not looked at', known, { state: COMPLETE }],
  ['while the server is away', known, { state: undefined, serverAway: 'no answer' }],
])('a run shows what its evaluations found %s', (_what, status, part) => {
  const run = { ...anRlRun(), ...(status && { status }) };
  const said = trainingStatus(aTrainingView({ run, ...part }), NOW);
  expect(said.evaluations).toEqual(EVALUATIONS);
  expect(trainingRun.status.parse(said).evaluations).toEqual(EVALUATIONS);
});

it('a run without evaluations has no list of them', () => {
  const part = { run: anRlRun(), state: COMPLETE, rl: rlSeen() };
  expect(trainingStatus(aTrainingView(part), NOW)).not.toHaveProperty('evaluations');
});

const CUT =
  '; 3 of the 18 rows that were trained on are longer than context.maxTokens 2048 and were cut at their end';

test.each<readonly [string, ReturnType<typeof aTrainingState>['rows'], string]>([
  ['no rows, as in reinforcement', undefined, ''],
  ['all rows whole', { in: 20, kept: 18, dropped: 2, cut: 0 }, ''],
  ['some cut', { in: 20, kept: 18, dropped: 2, cut: 3 }, CUT],
])('a complete run says what was cut: %s', (_what, rows, words) => {
  const state = { ...COMPLETE, rows };
  const said = trainingStatus(aTrainingView({ run: anRlRun(), state, ...OVER }), NOW);
  expect(said.rows).toEqual(rows);
  const found = said.conditions?.find(({ type }) => type === 'Complete');
  expect(found?.message).toBe(`model ${MODEL}${words}`);
});
