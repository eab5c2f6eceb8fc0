import { clusterEnvironment } from '../../cluster/cluster-environment.ts';
import { NodeLayer } from '../../cluster/node/node-layer.ts';
import { layerCluster } from '../layer-cluster.ts';

/** The node layer that the set-up of the project `node` started. */
export function nodeLayer(): NodeLayer {
  const { signal } = new AbortController();
  return new NodeLayer(layerCluster(), { env: clusterEnvironment().env, signal });
}
