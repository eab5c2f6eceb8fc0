import { expect, it } from 'vitest';
import { trainingRun } from '../../../src/api/training-run.ts';
import { sha256 } from '../../../src/base/digest.ts';
import type { TrainingState } from '../../../src/protocol/training-api.ts';
import { rlSpec } from '../../../test/support/rl/rl-bed.ts';
import type { TrainingRun, TrainingStatus } from '../shared/kinds.ts';
import type { RlSeen } from './rl/reinforcement.ts';
import { trainingStatus } from './status.ts';
import type { TrainingView } from './view.ts';

const MODEL = sha256('model');
const EVALUATIONS = [{ step: 1, n: 4, score: '0.7500', scoreLow: '0.3006', scoreHigh: '0.9544' }];

function view(status: TrainingStatus | undefined, part: Partial<TrainingView>): TrainingView {
  const { apiVersion, kind } = trainingRun;
  const { spec } = trainingRun.schema.parse({
    ...{ apiVersion, kind, metadata: { name: 'rl' }, spec: rlSpec() },
  });
  const metadata = { name: 'rl', namespace: 'team', uid: 'uid', generation: 1 };
  const run = { apiVersion, kind, metadata, spec, ...(status && { status }) } as TrainingRun;
  return {
    ...{ run, mode: 'run', state: undefined, jobs: [], pods: [], problem: undefined },
    ...{ rl: undefined, serverAway: undefined, forbidden: undefined, storeFull: false },
    ...part,
  };
}

const trains: TrainingState = {
  ...{ uid: 'uid', attempt: 1, restarts: { failures: 0, disruptions: 0 }, progress: {} },
  inputs: { base: MODEL, template: MODEL, image: 'i' },
};
const complete: TrainingState = { ...trains, end: { state: 'complete', model: MODEL } };
const measured = {
  ...{ taskSet: MODEL, evaluationTaskSet: MODEL, steps: 1, step: 1, policyVersion: 1 },
  ...{ policyModel: MODEL, trainedTokens: 1, over: true },
  evaluations: [
    {
      ...{ step: 1, policyVersion: 1, rollouts: 5, rewarded: 4, score: 0.75 },
      interval: { low: 0.30064, high: 0.95441 },
    },
  ],
};
const rl: RlSeen = {
  ...{ state: measured, playing: undefined, problem: undefined, blocked: undefined },
  ...{ policy: undefined, forbidden: undefined },
};
const before = { evaluations: EVALUATIONS };

it.each<[string, TrainingStatus | undefined, Partial<TrainingView>]>([
  ['while it trains', undefined, { state: trains, rl }],
  ['at its end', undefined, { state: complete, rl }],
  ['where the rollouts were not looked at', before, { state: complete }],
  ['while the server is away', before, { serverAway: 'no answer' }],
])('a run shows what its evaluations found %s', (_what, status, part) => {
  const said = trainingStatus(view(status, part), 0);
  expect(said.evaluations).toEqual(EVALUATIONS);
  const { apiVersion, kind } = trainingRun;
  const object = { apiVersion, kind, metadata: { name: 'rl' }, spec: rlSpec(), status: said };
  expect(trainingRun.schema.parse(object).status?.evaluations).toEqual(EVALUATIONS);
});

it('a run without evaluations has no list of them', () => {
  const none = { ...rl, state: { ...measured, evaluations: [] } };
  expect(trainingStatus(view(undefined, { state: complete, rl: none }), 0)).not.toHaveProperty(
    'evaluations',
  );
});

const CUT =
  '; 3 of the 18 rows that were trained on are longer than context.maxTokens 2048 and were cut at their end';

it.each<[string, TrainingState['rows'], string]>([
  ['no rows, as in reinforcement', undefined, ''],
  ['all rows whole', { in: 20, kept: 18, dropped: 2, cut: 0 }, ''],
  ['some cut', { in: 20, kept: 18, dropped: 2, cut: 3 }, CUT],
])('a complete run says what was cut: %s', (_what, rows, words) => {
  const said = trainingStatus(view(undefined, { state: { ...complete, rows } }), 0);
  expect(said.rows).toEqual(rows);
  const found = said.conditions?.find(({ type }) => type === 'Complete');
  expect(found?.message).toBe(`model ${MODEL}${words}`);
});
