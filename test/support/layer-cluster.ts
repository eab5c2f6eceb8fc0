import { inject } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';

/** The cluster that the project's set-up started, for tests of the projects apiserver, scale, node. */
export function layerCluster(): Cluster {
  return new Cluster(inject('cluster'), clusterEnvironment().env);
}
