import { inject } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { clusterOfWorker } from '../cluster/vitest/layer-workers.ts';

/**
 * The cluster that the project's set-up started for this worker, for tests of the projects apiserver,
 * scale, node. Files that run at the same time have different ones.
 */
export function layerCluster(): Cluster {
  const { env } = clusterEnvironment();
  return new Cluster(clusterOfWorker(inject('clusters'), env['VITEST_POOL_ID']), env);
}
