import { ClawError } from '../../../src/base/error.ts';

/** Each worker has a cluster of its own, and no worker is without a file to run. */
export function clusterCount(maxWorkers: number, files: number): number {
  return Math.max(1, Math.min(maxWorkers, files));
}

/**
 * The one of the clusters that belongs to a worker: `pool` is vitest's VITEST_POOL_ID, 1 to the number of
 * workers. Throws `Internal` for a worker without one: two workers in one cluster would stop each
 * other's programs.
 */
export function clusterOfWorker<T>(clusters: readonly T[], pool: string | undefined): T {
  const cluster = clusters[Number(pool) - 1];
  if (cluster !== undefined) return cluster;
  throw new ClawError(
    'Internal',
    `worker ${pool ?? '(no VITEST_POOL_ID)'} has no cluster: ${clusters.length} were started`,
  );
}
