import { inject } from 'vitest';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { Cluster } from '../cluster/cluster.ts';

/** The cluster that the project's set-up started, for tests of the projects apiserver, scale, node. */
export function layerCluster(): Cluster {
  return new Cluster(inject('cluster'), cliEnvironment().env);
}
