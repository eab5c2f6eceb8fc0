import { KubeError } from '../../../operator/kube/base/kube-error.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { asBatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import { secrets } from './cluster-kinds.ts';
import type { ServerPlace } from './find-server.ts';

/** What a reader shows to the server, and by what it knows it. */
export interface ServerAccess {
  readonly token: string;
  /** PEM certificates that the server's chains to. */
  readonly ca: string;
}

export interface AccessOptions<R> {
  readonly client: KubeClient;
  readonly place: Pick<ServerPlace, 'namespace' | 'service'>;
  /** Bearer of the kubeconfig; undefined where it holds none. */
  readonly own: string | undefined;
  readonly open: (access: ServerAccess) => R;
  readonly signal: AbortSignal;
}

/**
 * A reader of records by the person's own rights, where the kubeconfig has a token that the server takes;
 * else with the bearer of the Secret, which reads every run. Throws `Forbidden` with the rights that lack.
 */
export async function admittedReader<R extends Pick<RecordReader, 'getBatch'>>(
  options: AccessOptions<R>,
): Promise<R> {
  const { own, open } = options;
  if (own === undefined) return open(await sharedAccess(options, 'none'));
  const ca = await publicCa(options);
  if (ca === undefined) return open(await sharedAccess(options, 'unknown server'));
  const reader = open({ token: own, ca });
  if (await isAdmitted(reader)) return reader;
  return open(await sharedAccess(options, 'refused'));
}

/** Nobody's batch is nobody's secret: the question shows only whether the bearer is known. */
async function isAdmitted(reader: Pick<RecordReader, 'getBatch'>): Promise<boolean> {
  try {
    await reader.getBatch(asBatchId('-'));
    return true;
  } catch (thrown) {
    if (thrown instanceof ClawError && thrown.code === 'Unauthorized') return false;
    throw thrown;
  }
}

/** Undefined where there is none yet, or no right to it. */
async function publicCa(options: AccessOptions<unknown>): Promise<string | undefined> {
  try {
    return (await fieldsOf(options, 'ca'))['ca.crt'] || undefined;
  } catch (thrown) {
    if (thrown instanceof KubeError && ['Forbidden', 'NotFound'].includes(thrown.code))
      return undefined;
    throw thrown;
  }
}

type WhyShared = 'none' | 'unknown server' | 'refused';

async function sharedAccess(
  options: AccessOptions<unknown>,
  why: WhyShared,
): Promise<ServerAccess> {
  const { namespace, service } = options.place;
  const name = `${namespace}/${service}-token`;
  const fields = await fieldsOf(options, 'token').catch((thrown: unknown) => {
    if (!(thrown instanceof KubeError) || thrown.code !== 'Forbidden') throw thrown;
    const message = `${thrown.message}; you need the right to get the Secret ${name}, which reads every run, or a way to read by your own rights: ${ownWay(options.place, why)}`;
    throw new ClawError('Forbidden', message, { cause: thrown });
  });
  const token = fields['token']?.trim();
  const ca = fields['ca.crt'];
  if (token && ca) return { token, ca };
  throw new ClawError(
    'NotFound',
    `Secret ${name} is empty: the server has not started yet; see kubectl -n ${namespace} get pods`,
  );
}

function ownWay({ namespace, service }: AccessOptions<unknown>['place'], why: WhyShared): string {
  switch (why) {
    case 'none':
      return 'a kubeconfig with a token, for yours proves who you are by something else';
    case 'unknown server':
      return `the right to get the Secret ${namespace}/${service}-ca (Role ${service}-reader)`;
    case 'refused':
      return 'a server that takes tokens of people (scope: cluster with server.accessReviews), for this one did not take yours';
  }
}

async function fieldsOf(
  { client, place, signal }: AccessOptions<unknown>,
  which: 'ca' | 'token',
): Promise<Readonly<Record<string, string>>> {
  const key = { namespace: place.namespace, name: `${place.service}-${which}` };
  const { data } = await client.for(secrets).get(key, { signal });
  const fields = Object.entries(data ?? {}).map(([name, value]): [string, string] => [
    name,
    Buffer.from(value, 'base64').toString('utf8'),
  ]);
  return Object.fromEntries(fields);
}
