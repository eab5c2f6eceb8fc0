import { z } from 'zod';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { defineResource, resourcePath } from '../../../operator/kube/objects/resource.ts';
import { SIMULATED_STEP, STEPS } from '../../../test/cluster/kwok-sandbox-stages.ts';
import { SIMULATED_EXIT_CODE } from '../../../test/cluster/kwok-stages.ts';
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

export interface PodKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What the kubelet of a simulated node does for the programs of a pod. */
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

  /** KWOK gives the pod the status that belongs to the step. */
  async step(pod: PodKey, step: keyof typeof STEPS, exitCode?: number): Promise<void> {
    const annotations = {
      [SIMULATED_STEP]: STEPS[step],
      ...(exitCode === undefined ? {} : { [SIMULATED_EXIT_CODE]: String(exitCode) }),
    };
    const { namespace, name, uid } = pod;
    const body = { metadata: { uid, annotations } };
    const call = { signal: this.#signal, fieldManager: 'simulated-kubelet' };
    await this.#client.for(sandboxPods).patch({ namespace, name }, { type: 'merge', body }, call);
  }
}
