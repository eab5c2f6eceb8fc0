import type { TestProject } from 'vitest/node';
import { z } from 'zod';
import { stderrLogger } from '../../../src/cli/stderr-logger.ts';
import { clusterEnvironment } from '../cluster-environment.ts';
import type { ClusterRecord } from '../cluster-record.ts';
import type { LayerName, LayerOptions } from '../layer.ts';
import { type OwnedCluster, startLayer } from '../layers.ts';
import { removeLeftovers } from '../leftovers.ts';
import { clusterCount } from './layer-workers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** How to reach the cluster of each worker of the layer's project; see `test/support/layer-cluster.ts`. */
    readonly clusters: readonly ClusterRecord[];
  }
}

/**
 * The global set-up of a layer's project: starts a cluster for each worker that will run tests, all at
 * once, and ends them after the last test. Where one cannot start, none is left.
 */
export async function setUpLayer(
  project: TestProject,
  layer: LayerName,
  options: LayerOptions = {},
): Promise<() => Promise<void>> {
  const { cacheDir, env, uid } = clusterEnvironment();
  const loggerOf = (name: string) =>
    stderrLogger((line) => void process.stderr.write(`${name}: ${line}`));
  const { testFiles } = await project.globTestFiles(filters(project));
  const count = clusterCount(project.config.maxWorkers, testFiles.length);
  // Once and before: two that start would clear away the same.
  await removeLeftovers(uid, env, loggerOf(`${layer} layer`));
  const stop = new AbortController();
  const starts = await Promise.allSettled(
    Array.from({ length: count }, async (_, index) => {
      const logger = loggerOf(`${layer} layer ${index + 1}`);
      try {
        return await startLayer(layer, options, {
          ...{ cacheDir, env, uid, logger },
          signal: stop.signal,
        });
      } catch (cause) {
        stop.abort();
        throw cause;
      }
    }),
  );
  const owned = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) {
    await endAll(owned);
    throw failed.reason;
  }
  project.provide(
    'clusters',
    owned.map(({ cluster }) => cluster.record),
  );
  return () => endAll(owned);
}

/** The files that the command line asks for. vitest keeps them to itself: without them it is all files. */
function filters({ vitest }: TestProject): string[] | undefined {
  const zFilters = z.array(z.string()).optional().catch(undefined);
  return zFilters.parse(Reflect.get(vitest, 'filenamePattern'));
}

async function endAll(owned: readonly OwnedCluster[]): Promise<void> {
  await Promise.all(owned.map((each) => each.stop()));
}
