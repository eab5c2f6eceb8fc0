import { KubeError } from '../../../operator/kube/base/kube-error.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { ClawError } from '../../base/error.ts';
import { pods, type ServiceObject, services } from './cluster-kinds.ts';
import type { PodTarget } from './pod-connection.ts';

/** Labels that the chart gives to the server's Service. */
const SERVER = 'app.kubernetes.io/name=clawgym,app.kubernetes.io/component=server';
const USER_PORT = 8444;

/** Where the user listener of the server that serves a namespace is; its Secrets are named after `service`. */
export interface ServerPlace extends Omit<PodTarget, 'ca'> {
  readonly service: string;
}

/**
 * The server of an installation: in the namespace that is named, else in that of the run, else the only
 * one of the cluster. Throws `NotFound` with what to do.
 */
export async function findServer(
  client: KubeClient,
  where: { readonly namespace: string; readonly serverNamespace: string | undefined },
  signal: AbortSignal,
): Promise<ServerPlace> {
  const service = await findService(client, where, signal);
  const { name, namespace = where.namespace } = service.metadata;
  const pod = await readyPod(client, namespace, service, signal);
  const serverName = `${name}.${namespace}.svc`;
  return { namespace, pod, port: USER_PORT, serverName, service: name };
}

async function findService(
  client: KubeClient,
  where: { readonly namespace: string; readonly serverNamespace: string | undefined },
  signal: AbortSignal,
): Promise<ServiceObject> {
  const list = async (namespace: string | undefined): Promise<readonly ServiceObject[]> =>
    (await client.for(services).list({ namespace, labelSelector: SERVER }, { signal })).items;
  const near = where.serverNamespace ?? where.namespace;
  const [here, second] = await list(near);
  if (here !== undefined && second === undefined) return here;
  if (second !== undefined) {
    throw new ClawError('InvalidInput', `namespace ${near} holds more than one ClawGym server`);
  }
  const all = where.serverNamespace === undefined ? await list(undefined).catch(noRight) : [];
  const [only, more] = all;
  if (only !== undefined && more === undefined) return only;
  const found = all.map(({ metadata }) => metadata.namespace).join(', ');
  throw new ClawError(
    'NotFound',
    `no ClawGym server is installed in namespace ${near}${found === '' ? '' : ` (there is one in each of ${found})`}; name its namespace with --server-namespace, or install it: docs/guides/kubernetes.md`,
  );
}

/** Who may not list the whole cluster has to name the server's namespace. */
function noRight(thrown: unknown): readonly ServiceObject[] {
  if (thrown instanceof KubeError && thrown.code === 'Forbidden') return [];
  throw thrown;
}

async function readyPod(
  client: KubeClient,
  namespace: string,
  service: ServiceObject,
  signal: AbortSignal,
): Promise<string> {
  const labelSelector = Object.entries(service.spec.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const { items } = await client.for(pods).list({ namespace, labelSelector }, { signal });
  const ready = items.find(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
  );
  if (ready !== undefined) return ready.metadata.name;
  throw new ClawError(
    'ServerUnavailable',
    `no pod of the ClawGym server in namespace ${namespace} is ready; see kubectl -n ${namespace} describe pods -l ${labelSelector}`,
    { retryable: true },
  );
}
