import { expect, it } from 'vitest';
import { trainingRun } from '../../../../src/api/training-run.ts';
import { asSha256 } from '../../../../src/base/brand.ts';
import type { RlState } from '../../../../src/protocol/rl-api.ts';
import { rlSpec } from '../../../../test/support/rl/rl-bed.ts';
import { batchOf } from '../../../../test/support/run-objects.ts';
import { trainingRuns } from '../../shared/kinds.ts';
import { runPolicy } from './policy.ts';

const MODEL = asSha256('b'.repeat(64));
const STATE: RlState = {
  ...{ taskSet: MODEL, evaluationTaskSet: MODEL, steps: 9, step: 2, trainedTokens: 0 },
  ...{ policyVersion: 2, policyModel: MODEL, evaluations: [], over: false },
};
const run = trainingRuns.parse({
  ...{ apiVersion: trainingRun.apiVersion, kind: trainingRun.kind },
  metadata: { name: 'rl', namespace: 'lab', uid: 'uid-run' },
  spec: rlSpec(),
});
const rollouts = (active: number) => ({ planned: 4, pending: 0, active, verifying: 0, decided: 0 });
const playing = batchOf('rl-step-3', { rollouts: rollouts(0) });
const asking = batchOf('rl-step-3', { rollouts: rollouts(2) });
const wanted = (over: Partial<Parameters<typeof runPolicy>[0]>) =>
  runPolicy({ run, state: STATE, playing: undefined, going: true, ...over });

it('is the newest version, for the batch that plays', () => {
  expect(wanted({ playing })).toMatchObject({
    ...{ model: MODEL, version: 2, name: 'policy', gpuResource: 'nvidia.com/gpu' },
    batches: [playing.metadata.uid],
  });
});

it('stays between two steps, and answers nobody then', () => {
  expect(wanted({})).toMatchObject({ version: 2, batches: [] });
});

it.each([
  ['the run is suspended', { going: false, playing }, false],
  ['agents are still at work', { going: false, playing: asking }, true],
  ['every step is over', { state: { ...STATE, over: true } }, false],
  [
    'the run has failed',
    { state: { ...STATE, failure: { reason: 'NoRewards', message: '' } }, playing: asking },
    false,
  ],
])('is there or not where %s', (_case, over, there) => {
  expect(wanted(over) !== undefined).toBe(there);
});
