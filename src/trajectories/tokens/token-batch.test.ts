import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { leaveOneOut } from './advantages.ts';
import { tokenBatch } from './token-batch.ts';
import { ENVIRONMENT, type TokenRow } from './token-rows.ts';

/** A row of a prompt of one token and `trained` sampled ones. */
function row(trained: number, version = 0): TokenRow {
  const sampled = Array.from({ length: trained }, (_, index) => index + 1);
  return {
    ids: [9, ...sampled],
    mask: [0, ...sampled.map(() => 1 as const)],
    logp: [0, ...sampled.map(() => -0.5)],
    version: [ENVIRONMENT, ...sampled.map(() => version)],
    calls: [`call-${trained}`],
  };
}

const rollout = (
  name: string,
  reward: number | undefined,
  rows: readonly TokenRow[] = [row(2)],
) => ({
  rollout: name,
  reward,
  rows,
});
const group = (...rollouts: ReturnType<typeof rollout>[]) => ({
  task: 'sort',
  taskDigest: 'd',
  rollouts,
});

const zHeader = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(z.number()), data_offsets: z.array(z.number()) }),
);

/** Reads a safetensors file by its published format, with none of the writer's code. */
function read(bytes: Uint8Array): Readonly<Record<string, readonly number[]>> {
  const view = Buffer.from(bytes);
  const length = Number(view.readBigUInt64LE(0));
  const header = zHeader.parse(parseJson(view.subarray(8, 8 + length).toString()));
  const readers: Readonly<Record<string, [number, (at: number) => number]>> = {
    I32: [4, (at) => view.readInt32LE(at)],
    I64: [8, (at) => Number(view.readBigInt64LE(at))],
    U8: [1, (at) => view.readUInt8(at)],
    F32: [4, (at) => view.readFloatLE(at)],
  };
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start = 0, end = 0],
        },
      ]) => {
        const [width, take] = readers[dtype] ?? [1, () => Number.NaN];
        expect(end - start).toBe((shape[0] ?? 0) * width);
        expect((8 + length + start) % width).toBe(0);
        const items = Array.from({ length: shape[0] ?? 0 }, (_, at) =>
          take(8 + length + start + at * width),
        );
        return [name, items];
      },
    ),
  );
}

describe('a batch of tokens', () => {
  it('gives each rollout one vote, however many segments and tokens it has', () => {
    const { tensors, index } = tokenBatch(
      [group(rollout('a', 1, [row(3), row(1, 2)]), rollout('b', 0))],
      2,
    );
    const arrays = read(tensors);
    expect(arrays['row_off']).toEqual([0, 4, 6, 9]);
    expect(arrays['adv']).toEqual([1, 1, -1]);
    expect(arrays['weight']).toEqual([0.25, 0.25, 0.5]);
    expect([arrays['rollout'], arrays['group'], arrays['segment']]).toEqual([
      [0, 0, 1],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    expect(arrays['mask']).toEqual([0, 1, 1, 1, 0, 1, 0, 1, 1]);
    expect(arrays['version']).toEqual([-1, 0, 0, 0, -1, 2, -1, 0, 0]);
    expect(index).toMatchObject({ denominator: 2, withoutTokens: 0 });
    expect(index.rollouts[0]).toMatchObject({ segments: 2, trainedTokens: 4, versions: [0, 2] });
  });

  it('keeps in its table what it learns nothing from, and why', () => {
    const { tensors, index } = tokenBatch(
      [
        group(rollout('a', 1), rollout('b', 1), rollout('c', undefined)),
        group(rollout('d', 1), rollout('e', undefined), rollout('f', undefined)),
        group(rollout('g', 1), rollout('h', 0.5, [])),
      ],
      2,
    );
    expect(
      index.groups.map(({ verdict, samples, rewarded }) => [verdict, samples, rewarded]),
    ).toEqual([
      ['noVariance', 3, 2],
      ['tooFew', 3, 1],
      ['taken', 2, 2],
    ]);
    expect(index.rollouts.map((each) => [each.rollout, each.advantage])).toEqual([['g', 0.5]]);
    expect([index.withoutTokens, index.denominator]).toEqual([1, 1]);
    expect(read(tensors)['rollout']).toEqual([0]);
  });

  it('can be empty: a step may have nothing to learn from', () => {
    const { tensors, index } = tokenBatch([], 2);
    expect([index.denominator, read(tensors)['row_off'], read(tensors)['ids']]).toEqual([
      0,
      [0],
      [],
    ]);
  });
});

describe('advantages over the mean of the others', () => {
  const rewards = fc.array(
    fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    {
      maxLength: 16,
    },
  );

  it('sum to nothing, and leave missing data out of every mean', () => {
    const property = fc.property(rewards, (given) => {
      const verdict = leaveOneOut(given, 2);
      if (verdict.kind !== 'taken') return;
      const known = given.filter((reward) => reward !== undefined);
      expect(verdict.advantages.map((each) => each === undefined)).toEqual(
        given.map((each) => each === undefined),
      );
      const sum = verdict.advantages.reduce<number>((total, each) => total + (each ?? 0), 0);
      expect(Math.abs(sum)).toBeLessThan(1e-9);
      const alone = leaveOneOut(known, 2);
      expect(alone).toEqual({
        kind: 'taken',
        advantages: verdict.advantages.filter((each) => each !== undefined),
      });
    });
    fc.assert(property);
  });

  it('are K/(K-1) times those over the mean of all', () => {
    expect(leaveOneOut([1, 0, 0, 0], 2)).toEqual({
      kind: 'taken',
      advantages: [1, -1 / 3, -1 / 3, -1 / 3],
    });
  });

  it('need as many rewards as they are told, and never fewer than two', () => {
    expect(leaveOneOut([1], 1)).toEqual({ kind: 'tooFew' });
    expect(leaveOneOut([1, 0, undefined, undefined], 3)).toEqual({ kind: 'tooFew' });
  });
});
