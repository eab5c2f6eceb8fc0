import { silentLogger } from '../../../operator/kube/base/logger.ts';
import { createCredentials } from '../../../operator/kube/client/credentials.ts';
import {
  findKubeConfig,
  type KubeConfigSource,
  loadKubeConfig,
} from '../../../operator/kube/client/load-kube-config.ts';
import { createKubeClient, type KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { createTransport } from '../../../operator/kube/client/undici-transport.ts';
import { systemClock } from '../../base/clock.ts';
import { PRODUCT } from '../../base/product.ts';
import { QueryClient } from '../../server/query/query-client.ts';
import type { CliEnvironment } from '../environment.ts';
import type { ClusterFlags } from './cluster-flags.ts';
import { findServer } from './find-server.ts';
import { podDispatcher } from './pod-connection.ts';

/** A cluster as the reading commands see it. */
export interface ClusterSession extends AsyncDisposable {
  readonly client: KubeClient;
  /** Of the runs: the flag's, else the context's, else `default`. */
  readonly namespace: string;
  /** Records and artifacts of the server; connects at the first call. */
  reader(): Promise<QueryClient>;
}

/** Opens the cluster that the flags name, else the current context's. */
export async function openCluster(
  flags: ClusterFlags,
  environment: Pick<CliEnvironment, 'kubeconfig' | 'home'>,
  signal: AbortSignal,
): Promise<ClusterSession> {
  const source = sourceOf(flags, environment);
  const config = await loadKubeConfig(source);
  const current = config.getContextObject(config.getCurrentContext());
  const namespace = flags.namespace ?? current?.namespace ?? 'default';
  const common = { clock: systemClock, logger: silentLogger };
  const transport = createTransport({
    ...common,
    credentials: createCredentials({ source, ...common }),
    userAgent: `clawgym/${PRODUCT.version}`,
  });
  const client = createKubeClient({ transport });
  const owned = new AsyncDisposableStack();
  owned.use(transport);
  let reader: Promise<QueryClient> | undefined;
  const connect = async (): Promise<QueryClient> => {
    const where = { namespace, serverNamespace: flags.serverNamespace };
    const { token, ...target } = await findServer(client, where, signal);
    const dispatcher = podDispatcher(config, target);
    owned.defer(() => dispatcher.destroy());
    const url = `https://${target.serverName}:${target.port}`;
    return new QueryClient({ url, dispatcher, token, signal });
  };
  return {
    client,
    namespace,
    reader: () => (reader ??= connect()),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function sourceOf(
  { kubeconfig, context }: ClusterFlags,
  environment: Pick<CliEnvironment, 'kubeconfig' | 'home'>,
): KubeConfigSource {
  const found: KubeConfigSource =
    kubeconfig === undefined
      ? findKubeConfig({
          env: { KUBECONFIG: environment.kubeconfig },
          homeDirectory: environment.home,
        })
      : { kind: 'files', paths: [kubeconfig] };
  return context === undefined || found.kind === 'in-cluster' ? found : { ...found, context };
}
