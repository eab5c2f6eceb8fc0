import type { ClusterHost } from './cluster-host.ts';
import { startControlPlane } from './control-plane.ts';
import type { LayerOptions, StartedLayer } from './layer.ts';

const LOOPBACK = '127.0.0.1';

/**
 * etcd, API server, controller manager and scheduler on loopback, without any node: enough for
 * resources, validation, watches, Jobs and garbage collection. Needs no root.
 */
export async function startApiServerLayer(
  host: ClusterHost,
  { release, apiServerFlags, controllerManagerFlags }: LayerOptions,
): Promise<StartedLayer> {
  const { kubeconfig, kubectl } = await startControlPlane(host, {
    bindAddress: LOOPBACK,
    advertiseAddress: LOOPBACK,
    ...(release === undefined ? {} : { release }),
    ...(apiServerFlags === undefined ? {} : { apiServerFlags }),
    ...(controllerManagerFlags === undefined ? {} : { controllerManagerFlags }),
  });
  return { kubeconfig, kubectl };
}
