import type { TestProject } from 'vitest/node';
import { stderrLogger } from '../../../src/cli/stderr-logger.ts';
import { clusterEnvironment } from '../cluster-environment.ts';
import type { ClusterRecord } from '../cluster-record.ts';
import type { LayerName, LayerOptions } from '../layer.ts';
import { startLayer } from '../layers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** How to reach the cluster of the layer's project; see `test/support/layer-cluster.ts`. */
    readonly cluster: ClusterRecord;
  }
}

/** The global set-up of a layer's project: starts the layer once and ends it after the last test. */
export async function setUpLayer(
  project: TestProject,
  layer: LayerName,
  options: LayerOptions = {},
): Promise<() => Promise<void>> {
  const { cacheDir, env, uid } = clusterEnvironment();
  const logger = stderrLogger((line) => void process.stderr.write(`${layer} layer: ${line}`));
  const { signal } = new AbortController();
  const owned = await startLayer(layer, options, { cacheDir, env, uid, logger, signal });
  project.provide('cluster', owned.cluster.record);
  return () => owned.stop();
}
