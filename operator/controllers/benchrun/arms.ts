import { ClawError } from '../../../src/base/error.ts';
import { CHEAT_BOUNDS } from '../../../src/rollouts/cheat-bounds.ts';
import { shortHash } from '../../kube/objects/child-names.ts';
import type { BenchSpec } from './kinds.ts';

/** Most arms of the status, and longest name of one (schema of BenchRun). */
const MAX_ARMS = 32;
const MAX_NAME = 32;
const HASH = 6;

/** What one RolloutBatch runs. */
export type Arm = BenchSpec['arms'][number];

/**
 * The arms of the bench: a cheat without a family stands for every family in turn, one arm each, as
 * locally. Throws `InvalidManifest` where these are too many, or two have one name.
 */
export function benchArms(spec: Pick<BenchSpec, 'arms'>): readonly Arm[] {
  const arms = spec.arms.flatMap(withFamilies);
  if (arms.length > MAX_ARMS)
    throw new ClawError(
      'InvalidManifest',
      `the bench has ${arms.length} arms, at most ${MAX_ARMS} are possible: an arm "cheat" without a ` +
        `family stands for ${CHEAT_BOUNDS.length} arms; name families, or compare the rest in another bench`,
    );
  const names = arms.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice === undefined) return arms;
  throw new ClawError(
    'InvalidManifest',
    `two arms are called ${twice}: an arm "cheat" without a family stands for one arm a family, ` +
      'NAME-FAMILY; rename the other arm',
  );
}

function withFamilies(arm: Arm): readonly Arm[] {
  if (arm.agent.name !== 'cheat' || arm.agent.family !== undefined) return [arm];
  return CHEAT_BOUNDS.map(({ family }) => ({
    ...arm,
    name: shortened(`${arm.name}-${family}`),
    agent: { ...arm.agent, family },
  }));
}

function shortened(name: string): string {
  if (name.length <= MAX_NAME) return name;
  const head = name.slice(0, MAX_NAME - HASH - 1).replace(/-+$/, '');
  return `${head}-${shortHash(name).slice(0, HASH)}`;
}

/**
 * How many rollouts at a time each unfinished arm may have: equal parts, the first arms get what is
 * left over. With fewer places than arms the later ones have none and wait. Undefined everywhere
 * where the bench names no number.
 *
 * @param unfinished Names in the order of the spec.
 */
export function parallelismOf(
  parallelism: number | undefined,
  unfinished: readonly string[],
): ReadonlyMap<string, number | undefined> {
  if (parallelism === undefined) return new Map(unfinished.map((name) => [name, undefined]));
  const part = Math.floor(parallelism / Math.max(1, unfinished.length));
  const left = parallelism - part * unfinished.length;
  return new Map(unfinished.map((name, index) => [name, part + (index < left ? 1 : 0)]));
}
