import { z } from 'zod';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { defineResource, resourcePath } from '../../../operator/kube/objects/resource.ts';
import { type Played, sandboxPods } from './sandbox-pod.ts';

const serviceAccounts = defineResource({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
  schema: zKubeObject,
});

const zToken = z.object({ status: z.object({ token: z.string() }) });
const zWritten = z.object({ metadata: z.object({ deletionTimestamp: z.string().optional() }) });
/** Nobody reads what a write gives back. */
const METADATA_ALONE = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export interface PodKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What the kubelet of a simulated node asks of the API server for a pod. */
export class KubeletCalls {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** A real token, bound to the pod, with the audience and the life that its volume names. */
  async token({ namespace, name, uid }: PodKey, played: Played): Promise<string> {
    const where = { namespace, name: played.account, subresource: 'token' };
    const answer = await this.#client.transport.request({
      method: 'POST',
      path: resourcePath(serviceAccounts, where),
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: [played.audience],
          expirationSeconds: played.tokenSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
      verb: 'create',
      resource: 'serviceaccounts/token',
      signal: this.#signal,
    });
    return zToken.parse(answer).status.token;
  }

  /** Writes the pod's status as a kubelet does: a strategic merge patch. Tells whether it is to go. */
  async writeStatus({ namespace, name, uid }: PodKey, status: object): Promise<boolean> {
    const answer = await this.#client.transport.request({
      method: 'PATCH',
      path: resourcePath(sandboxPods, { namespace, name, subresource: 'status' }),
      query: { fieldManager: 'kubelet' },
      body: { metadata: { uid }, status },
      contentType: 'application/strategic-merge-patch+json',
      accept: METADATA_ALONE,
      verb: 'patch',
      resource: 'pods/status',
      signal: this.#signal,
    });
    return zWritten.parse(answer).metadata.deletionTimestamp !== undefined;
  }

  /** What a kubelet does once a deleted pod has ended: the object goes at once. */
  async remove({ namespace, name, uid }: PodKey): Promise<void> {
    await this.#client.transport.request({
      method: 'DELETE',
      path: resourcePath(sandboxPods, { namespace, name }),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        gracePeriodSeconds: 0,
        preconditions: { uid },
      },
      accept: METADATA_ALONE,
      verb: 'delete',
      resource: 'pods',
      signal: this.#signal,
    });
  }
}
