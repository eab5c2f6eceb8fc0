import { isConflict, isExpired, isNotFound, KubeError } from '../../kube/base/kube-error.ts';
import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { labelSelector } from '../../kube/objects/labels.ts';
import { resourcePath } from '../../kube/objects/resource.ts';
import { sandboxPods } from './pods.ts';

/**
 * Deletes finished pods by labels, a request a phase. Only those that had ended at the version `asOf`
 * of the caller's view: one that ended since may hold evidence that nobody has seen. A view that the
 * API server no longer has (`Expired`) deletes nothing; the next one will.
 */
export async function deletePodsOf(
  client: KubeClient,
  namespace: string | undefined,
  which: {
    readonly labels: Readonly<Record<string, string>>;
    readonly asOf: string | undefined;
  },
  call: CallOptions,
): Promise<void> {
  if (which.asOf === undefined) return;
  for (const phase of ['Succeeded', 'Failed']) {
    try {
      await client.transport.request({
        method: 'DELETE',
        path: resourcePath(sandboxPods, { namespace }),
        query: {
          labelSelector: labelSelector(which.labels),
          fieldSelector: `status.phase=${phase}`,
          resourceVersion: which.asOf,
          resourceVersionMatch: 'Exact',
        },
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
        verb: 'deletecollection',
        resource: 'pods',
        signal: call.signal,
      });
    } catch (thrown) {
      if (!isExpired(thrown)) throw thrown;
    }
  }
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
