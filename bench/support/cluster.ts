import { silentLogger } from '../../src/base/logger.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { clusterEnvironment } from '../../test/cluster/cluster-environment.ts';
import type { LayerName, LayerOptions } from '../../test/cluster/layer.ts';
import { type OwnedCluster, startLayer } from '../../test/cluster/layers.ts';

/** A layer for a claim script, from the cache or built into it; ends with the script. */
export async function claimLayer(
  layer: LayerName,
  options: LayerOptions = {},
  quiet = false,
): Promise<OwnedCluster> {
  const { cacheDir, env, uid } = clusterEnvironment();
  const logger = quiet ? silentLogger : stderrLogger((line) => void process.stderr.write(line));
  const { signal } = new AbortController();
  return await startLayer(layer, options, { cacheDir, env, uid, logger, signal });
}

/** Seconds that `work` takes, and what it gives. */
export async function timed<T>(work: () => Promise<T>): Promise<readonly [number, T]> {
  const began = performance.now();
  const result = await work();
  return [(performance.now() - began) / 1000, result];
}
