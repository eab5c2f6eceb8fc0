/** What a group of samples of one task is worth to a step. */
export type GroupVerdict =
  | { readonly kind: 'taken'; readonly advantages: readonly (number | undefined)[] }
  /** Too few of its samples have a reward. */
  | { readonly kind: 'tooFew' }
  /** All rewards are equal: nothing to learn from. */
  | { readonly kind: 'noVariance' };

/**
 * The advantage of each sample of a group over the mean of the others (leave-one-out, as RLOO). A
 * sample without a reward, which infrastructure took, is in no mean and gets no advantage: it is missing
 * data, never a reward of 0.
 *
 * @param rewards in [0, 1]; undefined where the sample ended as missing data
 */
export function leaveOneOut(
  rewards: readonly (number | undefined)[],
  minSamples: number,
): GroupVerdict {
  const known = rewards.filter((reward) => reward !== undefined);
  if (known.length < Math.max(2, minSamples)) return { kind: 'tooFew' };
  if (known.every((reward) => reward === known[0])) return { kind: 'noVariance' };
  const sum = known.reduce((total, reward) => total + reward, 0);
  const others = known.length - 1;
  return {
    kind: 'taken',
    advantages: rewards.map((reward) =>
      reward === undefined ? undefined : reward - (sum - reward) / others,
    ),
  };
}
