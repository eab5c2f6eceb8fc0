import { describe, expect, it } from 'vitest';
import { policyFiles, RUN, rlBed, rlSpec } from '../../../../test/support/rl/rl-bed.ts';
import { asBatchId } from '../../../base/brand.ts';
import { sha256 } from '../../../base/digest.ts';
import { readModel } from '../../../training/model-manifest.ts';

const NEVER = new AbortController().signal;

describe('a reinforcement run in a cluster', () => {
  it('goes step by step: rollouts, tokens, training, and then the next policy', async () => {
    const bed = await rlBed();
    const desk = bed.open();
    const first = await desk.plan(RUN, bed.body(), NEVER);
    expect(first).toMatchObject({
      ...{ step: 0, steps: 2, policyVersion: 0, over: false, taskSet: sha256('set') },
      wanted: { part: 'step-1', samples: 2, policyVersion: 0, model: bed.base },
    });
    expect(first.wanted?.taskIds).toHaveLength(2);

    await bed.play(desk, first);
    const sampled = await desk.state(RUN);
    expect(sampled).toMatchObject({ step: 0, training: 1, reward: 0.5 });
    expect(sampled.wanted).toBeUndefined();

    const source = await desk.source(RUN);
    const index = await source.next(0, NEVER);
    expect(JSON.parse(Buffer.from(index as Uint8Array).toString())).toMatchObject({
      ...{ number: 1, policyVersion: 0, temperature: '1.0', topP: '1' },
    });
    await source.trained(1, await bed.putPolicy(1));
    const next = await desk.state(RUN);
    expect(next).toMatchObject({ step: 1, policyVersion: 1, loss: 0.25 });
    expect(next.wanted).toMatchObject({ part: 'step-2', policyVersion: 1 });
    const model = await readModel(next.wanted?.model ?? bed.base, bed.artifacts);
    expect(model).toMatchObject({ kind: 'full', record: { run: 'rl', parents: [bed.base] } });

    await bed.play(desk, next);
    await desk.state(RUN);
    expect(await source.next(1, NEVER)).toBeInstanceOf(Uint8Array);
    await source.trained(2, await bed.putPolicy(2));
    expect(await desk.state(RUN)).toMatchObject({ step: 2, over: true });
    expect(await source.next(2, NEVER)).toBe('done');
  });

  it('is where it was in a server that was killed at any moment', async () => {
    const bed = await rlBed();
    await bed.open().plan(RUN, bed.body(), NEVER);
    const planned = await bed.open().state(RUN);
    await bed.play(bed.open(), planned);
    const sampled = await bed.open().state(RUN);
    expect(sampled.training).toBe(1);
    expect(await bed.open().state(RUN)).toEqual(sampled);
    const word = await bed.putPolicy(1);
    await (await bed.open().source(RUN)).trained(1, word);
    // The answer was lost, and the trainer says it again to the next server.
    await (await bed.open().source(RUN)).trained(1, word);
    expect(await bed.open().state(RUN)).toMatchObject({ step: 1, policyVersion: 1 });
    const end = await bed.open().state(RUN);
    await bed.play(bed.open(), end);
    await bed.open().state(RUN);
    await (await bed.open().source(RUN)).trained(2, await bed.putPolicy(2));
    expect(await (await bed.open().source(RUN)).next(2, NEVER)).toBe('done');
  });

  it('never makes a reward of missing data, and gives up where there is nothing else', async () => {
    const bed = await rlBed();
    const desk = bed.open();
    let state = await desk.plan(RUN, bed.body(rlSpec({ steps: 9 })), NEVER);
    for (let step = 1; step <= 3; step += 1) {
      expect(state.wanted?.part).toBe(`step-${step}`);
      await bed.play(desk, state, () => undefined);
      state = await desk.state(RUN);
    }
    expect(state).toMatchObject({ step: 3, failure: { reason: 'NoRewards' } });
    expect(state.reward).toBeUndefined();
    expect(await bed.open().state(RUN)).toEqual(state);
  });

  it('measures its policy between steps, on the tasks that it was given for it', async () => {
    const bed = await rlBed();
    const desk = bed.open();
    const spec = rlSpec({ evaluation: { everySteps: 1, samples: 1 } });
    await bed.play(desk, await desk.plan(RUN, bed.body(spec), NEVER));
    await desk.state(RUN);
    await (await desk.source(RUN)).trained(1, await bed.putPolicy(1));
    const due = await desk.state(RUN);
    expect(due.wanted).toMatchObject({ part: 'eval-1', kind: 'evaluation', policyVersion: 1 });
    // All tasks of the set need no names.
    expect(due.wanted?.taskIds).toBeUndefined();
    await bed.play(desk, due, () => 0.75);
    const after = await desk.state(RUN);
    expect(after.wanted?.part).toBe('step-2');
    expect(after.evaluations).toEqual([
      {
        ...{ step: 1, policyVersion: 1, rollouts: 4, rewarded: 4, score: 0.75 },
        interval: {
          low: expect.closeTo(0.3006, 4) as number,
          high: expect.closeTo(0.9544, 4) as number,
        },
      },
    ]);
    expect(await bed.open().state(RUN)).toEqual(after);
    // A server that was started anew tells the record of the model the same.
    expect(await bed.open().drawn(RUN)).toMatchObject({
      taskSet: sha256('set'),
      evaluations: [{ step: 1, n: 4, score: '0.7500', scoreLow: '0.3006', scoreHigh: '0.9544' }],
    });
  });

  it('plays a batch again whose object was deleted on its way', async () => {
    const bed = await rlBed();
    const desk = bed.open();
    const state = await desk.plan(RUN, bed.body(), NEVER);
    await bed.play(desk, state, undefined, 'uid-lost');
    await bed.store.setBatchNote(asBatchId('uid-lost'), 'cancelled', 'Deleted');
    expect((await desk.state(RUN)).wanted?.part).toBe('step-1');
    await bed.play(desk, state, undefined, 'uid-again');
    expect((await desk.state(RUN)).training).toBe(1);
  });
});

describe('a policy version', () => {
  async function sampled() {
    const bed = await rlBed();
    const desk = bed.open();
    await bed.play(desk, await desk.plan(RUN, bed.body(), NEVER));
    await desk.state(RUN);
    return { bed, desk, source: await desk.source(RUN) };
  }

  it('is acknowledged only once every file of it was put', async () => {
    const { bed, desk, source } = await sampled();
    const { files, word } = policyFiles(1);
    await expect(source.trained(1, word)).rejects.toMatchObject({ code: 'Conflict' });
    for (const [path, bytes] of files) if (path !== 'model.safetensors') await bed.upload(bytes);
    await expect(source.trained(1, word)).rejects.toThrow('model.safetensors');
    expect(await desk.state(RUN)).toMatchObject({ step: 0, training: 1 });
    await source.trained(1, await bed.putPolicy(1));
    expect((await desk.state(RUN)).step).toBe(1);
  });

  it('names no artifact that others put', async () => {
    const { bed, source } = await sampled();
    const { files, word } = policyFiles(1);
    for (const [path, bytes] of files) {
      if (path === 'model.safetensors') await bed.artifacts.put(bytes);
      else await bed.upload(bytes);
    }
    await expect(source.trained(1, word)).rejects.toThrow('never put');
  });

  it('keeps the tokenizer of its base', async () => {
    const { bed, source } = await sampled();
    const word = await bed.putPolicy(1, Buffer.from('another'));
    await expect(source.trained(1, word)).rejects.toMatchObject({ code: 'InvalidInput' });
  });

  it.each([
    ['of another number', 1, 2],
    ['of a batch that is not there', 2, 2],
  ])('%s is refused', async (_what, number, version) => {
    const { bed, source } = await sampled();
    const word = await bed.putPolicy(version);
    await expect(source.trained(number, word)).rejects.toThrow(/batch \d/);
  });
});

describe('a plan is refused', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['with fewer tasks than a step has', { groups: { perStep: 5, samples: 2 } }, /perStep is 5/],
    [
      'with more tasks than a batch names',
      { groups: { perStep: 1001, samples: 2 } },
      /at most 1000/,
    ],
    ['with a task that the set lacks', { tasks: { digest: sha256('set'), taskIds: ['z'] } }, /"z"/],
    ['with an unknown field', { sampling: { temperature: '1' } }, /topP/],
  ])('%s, and nothing is kept', async (_what, part, words) => {
    const bed = await rlBed();
    const desk = bed.open();
    await expect(desk.plan(RUN, bed.body(rlSpec(part)), NEVER)).rejects.toThrow(words);
    await expect(desk.state(RUN)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('where the run is known with another spec, or its base is no model', async () => {
    const bed = await rlBed();
    const desk = bed.open();
    const strange = { ...bed.body(), base: sha256('nothing') };
    await expect(desk.plan(RUN, strange, NEVER)).rejects.toMatchObject({ code: 'NotFound' });
    const planned = await desk.plan(RUN, bed.body(), NEVER);
    expect(await desk.plan(RUN, bed.body(), NEVER)).toEqual(planned);
    const other = desk.plan(RUN, bed.body(rlSpec({ steps: 3 })), NEVER);
    await expect(other).rejects.toMatchObject({ code: 'Conflict' });
  });
});
