import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { labelSelector } from '../../kube/objects/labels.ts';
import { resourcePath } from '../../kube/objects/resource.ts';
import { jobs } from './kube-kinds.ts';

/** Deletes all Jobs with these labels in one request; their pods go after them. */
export async function deleteJobsOf(
  client: KubeClient,
  namespace: string | undefined,
  labels: Readonly<Record<string, string>>,
  call: CallOptions,
): Promise<void> {
  await client.transport.request({
    method: 'DELETE',
    path: resourcePath(jobs, { namespace }),
    query: { labelSelector: labelSelector(labels) },
    body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
    verb: 'deletecollection',
    resource: 'jobs',
    signal: call.signal,
  });
}
