import { z } from 'zod';
import { isConflict, isExpired, isNotFound, KubeError } from '../../kube/base/kube-error.ts';
import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { labelSelector } from '../../kube/objects/labels.ts';
import { resourcePath } from '../../kube/objects/resource.ts';
import { sandboxPods } from './pods.ts';

/**
 * Pods of one request. The API server deletes them one after the other, some milliseconds each, and ends a
 * request after a minute: thousands in one never came to their end, and whoever asked heard of a failure.
 */
const PORTION = 200;
/** Of what is deleted nothing but the place where the next portion begins is read. */
const METADATA_ALONE = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const zPortion = z.object({ metadata: z.object({ continue: z.string().optional() }) });

/**
 * Deletes finished pods by labels, in portions, each a request, for each phase. Only those that had ended at
 * the version `asOf` of the caller's view: one that ended since may hold evidence that nobody has seen. A
 * view that the API server no longer has (`Expired`) deletes nothing more; the next one will.
 */
export async function deletePodsOf(
  client: KubeClient,
  namespace: string | undefined,
  which: {
    readonly labels: Readonly<Record<string, string>>;
    readonly asOf: string | undefined;
    /** Pods of one request, default 200. */
    readonly portion?: number;
  },
  call: CallOptions,
): Promise<void> {
  if (which.asOf === undefined) return;
  const atView = { resourceVersion: which.asOf, resourceVersionMatch: 'Exact' };
  const sweep = { namespace, labels: which.labels, portion: which.portion ?? PORTION };
  try {
    for (const phase of ['Succeeded', 'Failed']) {
      let from: Readonly<Record<string, string>> | undefined = atView;
      // What follows belongs to the same version: the token holds it.
      while (from !== undefined)
        from = await deletePortion(client, { ...sweep, phase, from }, call);
    }
  } catch (thrown) {
    if (!isExpired(thrown)) throw thrown;
  }
}

/** Where the next portion begins; undefined after the last. */
async function deletePortion(
  client: KubeClient,
  sweep: {
    readonly namespace: string | undefined;
    readonly labels: Readonly<Record<string, string>>;
    readonly phase: string;
    readonly portion: number;
    readonly from: Readonly<Record<string, string>>;
  },
  { signal }: CallOptions,
): Promise<Readonly<Record<string, string>> | undefined> {
  const { namespace, labels, phase, portion, from } = sweep;
  const answer = await client.transport.request({
    method: 'DELETE',
    path: resourcePath(sandboxPods, { namespace }),
    query: {
      labelSelector: labelSelector(labels),
      fieldSelector: `status.phase=${phase}`,
      limit: String(portion),
      ...from,
    },
    body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
    accept: METADATA_ALONE,
    verb: 'deletecollection',
    resource: 'pods',
    signal,
  });
  const { continue: next } = zPortion.parse(answer).metadata;
  return next === undefined || next === '' ? undefined : { continue: next };
}

/** Asks the Eviction API, which respects disruption budgets: a refusal by one is tried again later. */
export async function evictPod(
  client: KubeClient,
  namespace: string | undefined,
  pod: { readonly name: string; readonly uid: string },
  call: CallOptions,
): Promise<void> {
  const { name, uid } = pod;
  try {
    await client.transport.request({
      method: 'POST',
      path: resourcePath(sandboxPods, { namespace, name, subresource: 'eviction' }),
      body: {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace },
        deleteOptions: { preconditions: { uid } },
      },
      verb: 'create',
      resource: 'pods/eviction',
      signal: call.signal,
    });
  } catch (thrown) {
    const budget = thrown instanceof KubeError && thrown.code === 'TooManyRequests';
    if (!isNotFound(thrown) && !isConflict(thrown) && !budget) throw thrown;
  }
}
