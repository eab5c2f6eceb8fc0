import { silentLogger } from '../../../operator/kube/base/logger.ts';
import { type Credentials, createCredentials } from '../../../operator/kube/client/credentials.ts';
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
import { admittedReader, type ServerAccess } from './server-access.ts';

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
  const credentials = createCredentials({ source, ...common });
  const transport = createTransport({
    ...common,
    credentials,
    userAgent: `clawgym/${PRODUCT.version}`,
  });
  const client = createKubeClient({ transport });
  const owned = new AsyncDisposableStack();
  owned.use(transport);
  let reader: Promise<QueryClient> | undefined;
  const connect = async (): Promise<QueryClient> => {
    const where = { namespace, serverNamespace: flags.serverNamespace };
    const place = await findServer(client, where, signal);
    const url = `https://${place.serverName}:${place.port}`;
    const open = ({ token, ca }: ServerAccess): QueryClient => {
      const dispatcher = podDispatcher(config, { ...place, ca });
      owned.defer(() => dispatcher.destroy());
      return new QueryClient({ url, dispatcher, token, signal });
    };
    const own = await ownToken(credentials);
    return await admittedReader({ client, place, own, open, signal });
  };
  return {
    client,
    namespace,
    reader: () => (reader ??= connect()),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Who acts as somebody else has a token of other rights than those that are meant. */
async function ownToken(credentials: Credentials): Promise<string | undefined> {
  const { headers } = await credentials.current();
  if (Object.keys(headers).some((name) => name.startsWith('impersonate-'))) return undefined;
  return /^Bearer (\S+)$/i.exec(headers['authorization'] ?? '')?.[1];
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
