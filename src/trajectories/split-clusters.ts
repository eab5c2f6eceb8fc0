import { sha256 } from '../base/digest.ts';

export const SPLITS = ['train', 'validation'] as const;
export type Split = (typeof SPLITS)[number];

/** How rows are parted. */
export interface SplitRule {
  /** Percent of the clusters that go to validation, 0 to 100. */
  readonly validationPercent: number;
  readonly seed: number;
}

const BUCKETS = 10_000;

/**
 * The split of a cluster of tasks. All tasks of one lineage go together, so that nothing of a
 * validation task's siblings is trained on; the same seed always gives the same split, whatever else
 * is exported.
 */
export function splitOf(cluster: string, { validationPercent, seed }: SplitRule): Split {
  const bucket = Number.parseInt(sha256(`${seed}\n${cluster}`).slice(0, 8), 16) % BUCKETS;
  return bucket < validationPercent * (BUCKETS / 100) ? 'validation' : 'train';
}
