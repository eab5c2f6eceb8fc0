import { leaveOneOut } from './advantages.ts';
import { safetensors, type Tensor } from './safetensors.ts';
import type { TokenRow } from './token-rows.ts';

export const RL_TOKENS = 'rl-tokens/v1';

/** A rollout as a step sees it. */
export interface StepRollout {
  readonly rollout: string;
  /** In [0, 1]; undefined: missing data. */
  readonly reward: number | undefined;
  /** Its segments; none where its calls cannot be trained on. */
  readonly rows: readonly TokenRow[];
  /** Answers that were cut at their length limit, which no row trains. Absent: none. */
  readonly cutAnswers?: number;
}

/** The samples of one task, answered by one window of policy versions. */
export interface StepGroup {
  readonly task: string;
  readonly taskDigest: string;
  readonly rollouts: readonly StepRollout[];
}

export interface TokenBatch {
  /** The arrays of docs/reference/rl-tokens.md as a safetensors file. */
  readonly tensors: Uint8Array;
  /** The tables that `rollout`, `group` and `segment` point into. */
  readonly index: TokenBatchIndex;
}

export interface TokenBatchIndex {
  readonly format: typeof RL_TOKENS;
  readonly groups: readonly {
    readonly task: string;
    readonly taskDigest: string;
    readonly verdict: 'taken' | 'tooFew' | 'noVariance';
    readonly samples: number;
    readonly rewarded: number;
  }[];
  readonly rollouts: readonly {
    readonly rollout: string;
    readonly group: number;
    readonly reward: number;
    readonly advantage: number;
    readonly segments: number;
    readonly trainedTokens: number;
    readonly versions: readonly [least: number, greatest: number];
    readonly calls: readonly string[];
  }[];
  /** Rollouts with a reward whose tokens cannot be trained on. */
  readonly withoutTokens: number;
  /** Answers of rollouts with a reward that were cut at their length limit and are not trained. */
  readonly cutAnswers: number;
  /** The sum over rows of weight x trained tokens: what the loss is divided by. */
  readonly denominator: number;
}

interface BatchRow {
  readonly row: TokenRow;
  readonly rollout: number;
  readonly group: number;
  readonly segment: number;
  readonly advantage: number;
  readonly weight: number;
}

/**
 * A step's batch. Every rollout has one vote, however many segments and tokens it has: the weight of
 * a token is one over the trained tokens of its rollout, and the advantage is the rollout's on all of
 * them. Groups that teach nothing stay in the table with the reason.
 */
export function tokenBatch(groups: readonly StepGroup[], minSamples: number): TokenBatch {
  const rows: BatchRow[] = [];
  const rollouts: TokenBatchIndex['rollouts'][number][] = [];
  let withoutTokens = 0;
  const table = groups.map(({ task, taskDigest, rollouts: samples }, group) => {
    const rewards = samples.map(({ reward }) => reward);
    const verdict = leaveOneOut(rewards, minSamples);
    for (const [position, { rollout, reward, rows: segments }] of samples.entries()) {
      const advantage = verdict.kind === 'taken' ? verdict.advantages[position] : undefined;
      if (advantage === undefined || reward === undefined) continue;
      const trainedTokens = segments.reduce((sum, row) => sum + trained(row), 0);
      if (trainedTokens === 0) {
        withoutTokens += 1;
        continue;
      }
      const common = { rollout: rollouts.length, group, advantage, weight: 1 / trainedTokens };
      rows.push(...segments.map((row, segment) => ({ row, segment, ...common })));
      const facts = { rollout, group, reward, advantage, trainedTokens };
      rollouts.push({ ...facts, ...segmentFacts(segments) });
    }
    const rewarded = rewards.filter((reward) => reward !== undefined).length;
    return { task, taskDigest, verdict: verdict.kind, samples: samples.length, rewarded };
  });
  const cutAnswers = groups
    .flatMap((group) => group.rollouts)
    .reduce((sum, rollout) => sum + (rollout.cutAnswers ?? 0), 0);
  const index = {
    groups: table,
    rollouts,
    withoutTokens,
    cutAnswers,
    denominator: rollouts.length,
  };
  return { tensors: safetensors(tensorsOf(rows)), index: { format: RL_TOKENS, ...index } };
}

const trained = ({ mask }: TokenRow): number => mask.reduce<number>((sum, bit) => sum + bit, 0);

function segmentFacts(segments: readonly TokenRow[]) {
  const versions = segments.flatMap(({ version }) => version.filter((value) => value >= 0));
  const least = versions.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = versions.reduce((a, b) => Math.max(a, b), 0);
  return {
    segments: segments.length,
    versions: [least, greatest] as const,
    calls: segments.flatMap(({ calls }) => calls),
  };
}

function tensorsOf(rows: readonly BatchRow[]): Readonly<Record<string, Tensor>> {
  const perToken = <T>(pick: (row: TokenRow) => readonly T[]): T[] =>
    rows.flatMap(({ row }) => pick(row));
  const ends = [0n];
  for (const { row } of rows) ends.push((ends.at(-1) ?? 0n) + BigInt(row.ids.length));
  const int32 = (data: readonly number[]): Tensor => ({
    dtype: 'I32',
    data: Int32Array.from(data),
  });
  const float32 = (data: readonly number[]): Tensor => ({
    dtype: 'F32',
    data: Float32Array.from(data),
  });
  return {
    ids: int32(perToken(({ ids }) => ids)),
    mask: { dtype: 'U8', data: Uint8Array.from(perToken(({ mask }) => mask)) },
    logp: float32(perToken(({ logp }) => logp)),
    version: int32(perToken(({ version }) => version)),
    row_off: { dtype: 'I64', data: BigInt64Array.from(ends) },
    adv: float32(rows.map(({ advantage }) => advantage)),
    weight: float32(rows.map(({ weight }) => weight)),
    rollout: int32(rows.map(({ rollout }) => rollout)),
    group: int32(rows.map(({ group }) => group)),
    segment: int32(rows.map(({ segment }) => segment)),
  };
}
