import { describe, expect, it } from 'vitest';
import { rolloutBatch } from '../../../../src/api/rollout-batch.ts';
import { trainingRun } from '../../../../src/api/training-run.ts';
import { asSha256 } from '../../../../src/base/brand.ts';
import type { RlState } from '../../../../src/protocol/rl-api.ts';
import { rlSpec } from '../../../../test/support/rl/rl-bed.ts';
import type { RolloutBatch, TrainingRun } from '../../shared/kinds.ts';
import { planReinforcement } from './plan.ts';
import { rlEvaluations, rlNumbers, rlWords } from './status.ts';
import type { RlOf } from './step-batch.ts';

const SET = asSha256('a'.repeat(64));
const MODEL = asSha256('b'.repeat(64));
const WANTED = {
  ...({ part: 'step-3', kind: 'step', step: 3, taskSet: SET, taskIds: ['x', 'y'] } as const),
  ...{ samples: 4, policyVersion: 2, model: MODEL },
} as const;
const STATE: RlState = {
  ...{
    taskSet: SET,
    evaluationTaskSet: SET,
    steps: 9,
    step: 2,
    policyVersion: 2,
    policyModel: MODEL,
  },
  ...{ trainedTokens: 70, evaluations: [], over: false, reward: 0.25, loss: 0.125 },
  wanted: { ...WANTED, taskIds: ['x', 'y'] },
};

function aRun(): TrainingRun {
  const metadata = { name: 'rl', namespace: 'team', uid: 'uid-run' };
  const { apiVersion, kind } = trainingRun;
  const parsed = trainingRun.schema.parse({
    ...{ apiVersion, kind, metadata: { name: 'rl' } },
    spec: rlSpec({ sampling: { temperature: '0.7', topP: '1', maxTokens: 64 }, parallelism: 5 }),
  });
  return { apiVersion, kind, metadata, spec: parsed.spec } as TrainingRun;
}

const RUN = aRun();
const RL = RUN.spec.rl as RlOf;
const observed = (over: Partial<Parameters<typeof planReinforcement>[0]> = {}) => ({
  ...{ run: RUN, rl: RL, state: STATE, batches: [], going: true },
  ...over,
});

/** The batch that a plan makes, as the API server then has it. */
function made(over: Partial<RolloutBatch> = {}, status?: object): RolloutBatch {
  const [step] = planReinforcement(observed()).steps;
  if (step?.do !== 'create') throw new Error('nothing is made');
  const { metadata, spec } = step.batch;
  const parsed = rolloutBatch.schema.parse({
    ...{ apiVersion: rolloutBatch.apiVersion, kind: 'RolloutBatch' },
    metadata: { name: metadata.name },
    spec,
  });
  return {
    ...{ apiVersion: rolloutBatch.apiVersion, kind: 'RolloutBatch', spec: parsed.spec },
    metadata: { ...metadata, uid: 'uid-batch' },
    ...(status && { status }),
    ...over,
  } as RolloutBatch;
}

const condition = (type: string, message: string) => ({
  conditions: [
    { type, status: 'True', reason: 'X', message, lastTransitionTime: '2026-01-01T00:00:00Z' },
  ],
});

describe('the batches of a reinforcement run', () => {
  it('are made one at a time, with the policy by digest and as the run says', () => {
    const batch = made();
    expect(batch.metadata).toMatchObject({
      namespace: 'team',
      labels: { 'clawgym.io/trainingrun': 'rl', 'clawgym.io/arm': 'step-3' },
      ownerReferences: [{ kind: 'TrainingRun', name: 'rl', uid: 'uid-run', controller: true }],
    });
    expect(batch.metadata.name).toMatch(/^rl-step-3-[0-9a-z]{7}$/);
    expect(batch.spec).toMatchObject({
      ...{ samples: 4, parallelism: 5, suspend: false, agent: RL.agent },
      tasks: { digest: SET, taskIds: ['x', 'y'] },
      model: {
        ...{ name: 'policy', artifact: `sha256:${MODEL}`, capture: 'tokens' },
        // What trains says what serves, too.
        runtimeRef: RUN.spec.runtimeRef,
        sampling: { temperature: '0.7', topP: '1', maxTokens: 64 },
      },
    });
    expect(made().metadata.name).toBe(batch.metadata.name);
  });

  it('take the whole set where the server names no task', () => {
    const { taskIds: _ids, ...wanted } = WANTED;
    const { steps } = planReinforcement(observed({ state: { ...STATE, wanted } }));
    expect(steps).toMatchObject([{ do: 'create', batch: { spec: { tasks: { digest: SET } } } }]);
    expect(JSON.stringify(steps)).not.toContain('taskIds');
  });

  it('are told to the server once', () => {
    const batch = made();
    const { steps, playing } = planReinforcement(observed({ batches: [batch] }));
    expect(steps).toEqual([{ do: 'tell', part: 'step-3', uid: 'uid-batch' }]);
    expect(playing).toBe(batch);
    const wanted = { ...WANTED, taskIds: ['x', 'y'], batch: 'uid-batch' };
    const told = planReinforcement(observed({ batches: [batch], state: { ...STATE, wanted } }));
    expect(told.steps).toEqual([]);
  });

  it('wait for one that is being deleted', () => {
    const going = made();
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(planReinforcement(observed({ batches: [going] })).steps).toEqual([]);
  });

  it('stand still with the run, and none is made', () => {
    expect(planReinforcement(observed({ going: false })).steps).toEqual([]);
    const batch = made();
    const wanted = { ...WANTED, taskIds: ['x', 'y'], batch: 'uid-batch' };
    const state = { ...STATE, wanted };
    const { steps } = planReinforcement(observed({ going: false, batches: [batch], state }));
    expect(steps).toEqual([{ do: 'suspend', batch, suspend: true }]);
    const paused = made({ spec: { ...batch.spec, suspend: true } });
    const again = planReinforcement(observed({ batches: [paused], state }));
    expect(again.steps).toEqual([{ do: 'suspend', batch: paused, suspend: false }]);
  });

  it('that are over are left alone', () => {
    const over = made({}, condition('Complete', 'done'));
    const { wanted: _wanted, ...state } = STATE;
    expect(planReinforcement(observed({ batches: [over], state, going: false })).steps).toEqual([]);
  });

  it.each([
    ['has failed', 'Failed', 'no time; delete it, and another one plays its part'],
    ['cannot go on', 'Stalled', 'no time'],
  ])('say why one %s', (_what, type, words) => {
    const batch = made({}, condition(type, 'no time'));
    const { problem } = planReinforcement(observed({ batches: [batch] }));
    expect(problem).toBe(`RolloutBatch ${batch.metadata.name}: ${words}`);
  });
});

describe('what a run says of itself', () => {
  it('has its numbers from the rows', () => {
    expect(rlNumbers(STATE)).toEqual({
      ...{ step: 2, totalSteps: 9, progress: '2/9', policyVersion: 2, tokens: 70 },
      ...{ reward: '0.25', loss: '0.125' },
    });
    const { reward: _reward, loss: _loss, ...early } = STATE;
    expect(Object.keys(rlNumbers(early))).not.toContain('reward');
  });

  const { wanted: _wanted, ...idle } = STATE;
  const measured = { policyVersion: 2, rollouts: 4, rewarded: 4, score: 0.5, interval: null };
  const evaluations = [{ step: 2, ...measured }];
  it.each<[RlState, RegExp]>([
    [STATE, /^step 3 of 9: its RolloutBatch is made, policy version 2$/],
    [{ ...idle, training: 3, evaluations }, /^the trainer learns from batch 3; .* step 2: 0\.500$/],
    [{ ...idle, over: true }, /the trainer writes its model/],
    [
      { ...STATE, wanted: { ...WANTED, taskIds: [], kind: 'evaluation' } },
      /^evaluation after step 3/,
    ],
  ])('tells what it does, %#', (state, words) => {
    expect(rlWords(state, { playing: undefined })).toMatch(words);
  });

  const found = (step: number, score = 0.5) => ({ step, ...measured, score });
  const shown = (step: number, score = '0.5000') => ({ step, n: 4, score });
  const steps = Array.from({ length: 70 }, (_, at) => at + 1);
  it.each<[string, RlState['evaluations'] | undefined, object[] | undefined, object[] | undefined]>(
    [
      ['nothing was measured', [], undefined, undefined],
      ['the first is over', [found(2)], undefined, [shown(2)]],
      ['the server says nothing', undefined, [shown(2)], [shown(2)]],
      ['the server forgot an old one', [found(4)], [shown(2)], [shown(2), shown(4)]],
      ['the server knows better', [found(2, 0.25)], [shown(2)], [shown(2, '0.2500')]],
      [
        'there are many',
        steps.map((step) => found(step)),
        [shown(1)],
        steps.slice(6).map((step) => shown(step)),
      ],
    ],
  )('keeps what evaluations found: %s', (_what, known, before, after) => {
    const state = known && { evaluations: known };
    const evaluations = rlEvaluations(state, before as Parameters<typeof rlEvaluations>[1]);
    expect(evaluations).toEqual(after);
  });

  it('names the batch that plays', () => {
    const batch = made();
    const words = rlWords(STATE, { playing: batch });
    expect(words).toContain(`RolloutBatch ${batch.metadata.name} plays`);
  });
});
