import type { Registry } from 'prom-client';
import type { Logger as KubeLogger } from '../../../operator/kube/base/logger.ts';
import { createCredentials } from '../../../operator/kube/client/credentials.ts';
import type { KubeConfigSource } from '../../../operator/kube/client/load-kube-config.ts';
import { createRequestMetrics } from '../../../operator/kube/client/request-metrics.ts';
import type { Transport } from '../../../operator/kube/client/transport.ts';
import { createKubeClient, type KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { createTransport } from '../../../operator/kube/client/undici-transport.ts';
import { systemClock } from '../../base/clock.ts';
import { PRODUCT } from '../../base/product.ts';

export interface ClusterAccess extends AsyncDisposable {
  readonly client: KubeClient;
  readonly transport: Transport;
}

/** The server's few calls to the API server, by its own service account. */
export function openClusterAccess(
  source: KubeConfigSource,
  registry: Registry,
  logger: KubeLogger,
): ClusterAccess {
  const clock = systemClock;
  const metrics = createRequestMetrics(registry);
  const transport = createTransport({
    credentials: createCredentials({ source, clock, logger }),
    clock,
    logger,
    metrics,
    userAgent: `clawgym-server/${PRODUCT.version}`,
  });
  return {
    transport,
    client: createKubeClient({ transport, metrics }),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
