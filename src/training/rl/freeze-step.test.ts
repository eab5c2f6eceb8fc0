import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { type Played, playBatch } from '../../../test/support/played-batch.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asBatchId, parseJson } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { openSqliteStore } from '../../store/sqlite/open.ts';
import { type FreezeOptions, freezeStep } from './freeze-step.ts';
import type { WantedBatch } from './rl-run.ts';

const DIGEST = sha256('x');
const BATCH = asBatchId('r-step-1');
const WANTED: WantedBatch = {
  ...{ name: 'r-step-1', kind: 'step', step: 1, tasks: ['a', 'b'], samples: 3, policyVersion: 2 },
};
const OPTIONS: FreezeOptions = {
  ...{ number: 3, minSamples: 2, maxRowTokens: 64, cutAnswers: 'mask' },
  sampledBy: { templateSha256: 't', tokenizerSha256: 'k', temperature: '1.0', topP: '1' },
};

async function played(rollouts: readonly Played[]) {
  const dir = await tempDir();
  const artifacts = new MemoryArtifacts();
  const store = await openSqliteStore({
    ...{ folder: dir.path, holder: 'test', clock: systemClock, survives: 'process' },
  });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  await playBatch(BATCH, rollouts, store, artifacts);
  return { store, artifacts };
}

const index = async (artifacts: MemoryArtifacts, digest: string | undefined) =>
  parseJson(Buffer.from(await artifacts.read(sha256Of(digest))).toString());
const sha256Of = (digest: string | undefined) => (digest ?? '') as typeof DIGEST;

describe('the freezing of a step', () => {
  it('takes groups with different rewards, and counts the others', async () => {
    const source = await played([
      { task: 'a', score: 1 },
      { task: 'a', score: 0 },
      { task: 'b', score: 0.5 },
      { task: 'b', score: 0.5 },
      { task: 'c', score: 1 },
    ]);
    const frozen = await freezeStep(WANTED, source, OPTIONS);
    expect(frozen).toMatchObject({
      ...{ step: 1, number: 3, policyVersion: 2, reward: 0.6, trainedTokens: 2 },
      groups: { taken: 1, noVariance: 1, tooFew: 1 },
      rollouts: { all: 5, rewarded: 5, withoutTokens: 0, trained: 2 },
    });
    expect(await index(source.artifacts, frozen.index)).toMatchObject({
      ...{ number: 3, policyVersion: 2, denominator: 2, tokens: frozen.tokens },
      ...OPTIONS.sampledBy,
      rollouts: [{ advantage: 1 }, { advantage: -1 }],
    });
    expect(await freezeStep(WANTED, source, OPTIONS)).toEqual(frozen);
  });

  it('never makes a reward of what infrastructure took', async () => {
    const source = await played([
      { task: 'a', score: 1 },
      { task: 'a', outcome: 'infra_error' },
      { task: 'a', outcome: 'verifier_error' },
      { task: 'a', score: 0, outcome: 'agent_timeout' },
    ]);
    const frozen = await freezeStep(WANTED, source, OPTIONS);
    expect(frozen).toMatchObject({ reward: 0.5, rollouts: { all: 4, rewarded: 2, trained: 2 } });
    expect(await index(source.artifacts, frozen.index)).toMatchObject({
      groups: [{ samples: 4, rewarded: 2 }],
      rollouts: [
        { reward: 1, advantage: 1 },
        { reward: 0, advantage: -1 },
      ],
    });
  });

  it('has no number where nothing teaches', async () => {
    const source = await played([
      { task: 'a', score: 1 },
      { task: 'a', score: 1 },
    ]);
    const frozen = await freezeStep(WANTED, source, OPTIONS);
    expect(frozen).toMatchObject({ groups: { taken: 0, noVariance: 1 }, trainedTokens: 0 });
    expect(Object.keys(frozen)).not.toContain('number');
  });

  it('trains no answer that was cut at its length, and keeps its reward in the mean', async () => {
    const cut = { ids: [5, 6], finish: 'length' };
    const source = await played([
      { task: 'a', score: 1, calls: [cut, { ids: [7] }] },
      { task: 'a', score: 0, calls: [cut] },
      { task: 'a', score: 0 },
    ]);
    const frozen = await freezeStep(WANTED, source, OPTIONS);
    expect(frozen).toMatchObject({
      ...{ cutAnswers: 2, trainedTokens: 2 },
      rollouts: { all: 3, rewarded: 3, withoutTokens: 1, trained: 2 },
    });
    expect(await index(source.artifacts, frozen.index)).toMatchObject({
      ...{ cutAnswers: 2, denominator: 2 },
      rollouts: [{ advantage: 1, segments: 1 }, { advantage: -0.5 }],
    });
    const whole = await freezeStep(WANTED, source, { ...OPTIONS, cutAnswers: 'train' });
    expect(whole).toMatchObject({ cutAnswers: 0, trainedTokens: 6, rollouts: { trained: 3 } });
  });

  it('leaves out rollouts whose tokens cannot be trained on, not their rewards', async () => {
    const source = await played([
      { task: 'a', score: 1 },
      { task: 'a', score: 0, calls: [{ ids: [5, 6], short: true }] },
      { task: 'a', score: 0, calls: [{ ids: Array.from({ length: 70 }, () => 5) }] },
    ]);
    const frozen = await freezeStep(WANTED, source, OPTIONS);
    expect(frozen.rollouts).toEqual({ all: 3, rewarded: 3, withoutTokens: 2, trained: 1 });
    expect(await index(source.artifacts, frozen.index)).toMatchObject({
      rollouts: [{ advantage: 1 }],
    });
  });

  it('refuses tokens of another policy version than the one of its step', async () => {
    const source = await played([
      { task: 'a', score: 1, calls: [{ ids: [5], version: 1 }] },
      { task: 'a', score: 0 },
    ]);
    await expect(freezeStep(WANTED, source, OPTIONS)).rejects.toThrow(
      'has tokens of policy versions 1 to 1, and its step samples with version 2 only',
    );
  });

  it('takes other rewards where a control gives them', async () => {
    const source = await played([
      { task: 'a', score: 1 },
      { task: 'a', score: 0 },
    ]);
    const frozen = await freezeStep(WANTED, source, {
      ...OPTIONS,
      reshape: (groups) =>
        groups.map((group) => ({
          ...group,
          rollouts: group.rollouts.map((one) => ({ ...one, reward: 1 - (one.reward ?? 0) })),
        })),
    });
    expect(await index(source.artifacts, frozen.index)).toMatchObject({
      rollouts: [{ reward: 0 }, { reward: 1 }],
    });
    // What is told of the step is what the verifier said.
    expect(frozen.reward).toBe(0.5);
  });
});
