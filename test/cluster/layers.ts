import type { Logger } from '../../src/base/logger.ts';
import { Cluster } from './cluster.ts';
import type { HostEnv } from './cluster-host.ts';
import { endCluster } from './end-cluster.ts';
import { existingCluster } from './existing-cluster.ts';
import type { LayerName, LayerOptions } from './layer.ts';
import { removeLeftovers } from './leftovers.ts';
import { startSupervisor } from './start-supervisor.ts';

/** The surroundings of the process that starts a cluster. */
export interface LayerEnvironment {
  readonly cacheDir: string;
  readonly env: HostEnv;
  readonly uid: number;
  readonly logger: Logger;
  /** Cancels the start. */
  readonly signal: AbortSignal;
}

/** A cluster that ends with `stop()`, with its scope, or with the process that started it. */
export interface OwnedCluster extends AsyncDisposable {
  readonly cluster: Cluster;
  stop(): Promise<void>;
}

/**
 * Starts a layer for tests, or takes the cluster that USE_EXISTING_CLUSTER and KUBECONFIG name, which
 * is left running. What clusters of killed processes left behind is removed first. Fails, with the
 * command that helps, where the layer cannot run here.
 */
export async function startLayer(
  layer: LayerName,
  options: LayerOptions,
  environment: LayerEnvironment,
): Promise<OwnedCluster> {
  const existing = await existingCluster(layer, options, environment);
  if (existing !== undefined) return owned(existing, async () => undefined);
  const { env, uid, logger, signal } = environment;
  await removeLeftovers(uid, env, logger);
  const folder = await startSupervisor({ layer, options, keep: false, env, logger, signal });
  const cluster = Cluster.attach(folder, env);
  let ended: Promise<void> | undefined;
  return owned(cluster, () => {
    ended ??= endCluster(folder, env);
    return ended;
  });
}

function owned(cluster: Cluster, stop: () => Promise<void>): OwnedCluster {
  return { cluster, stop, [Symbol.asyncDispose]: stop };
}
