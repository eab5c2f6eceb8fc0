import { isNotFound } from '../../../operator/kube/base/kube-error.ts';
import type { ResourceClient } from '../../../operator/kube/client/resource-client.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import { type PodReader, type SandboxPod, zSandboxPod } from '../identity/pods.ts';
import { clusterError } from './cluster-error.ts';

const pods = defineResource({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  schema: zSandboxPod,
});

/** A claim waits for this; its container asks again anyway. */
const TIMEOUT_MS = 10_000;

/** Pods from the API server itself: identity must not believe a cache. */
export class KubePodReader implements PodReader {
  readonly #pods: ResourceClient<SandboxPod>;
  readonly #signal: AbortSignal;

  /** @param signal ends calls when the server ends */
  constructor(client: KubeClient, signal: AbortSignal) {
    this.#pods = client.for(pods);
    this.#signal = signal;
  }

  async get(namespace: string, name: string): Promise<SandboxPod | undefined> {
    try {
      const call = { signal: this.#signal, timeoutMs: TIMEOUT_MS };
      return await this.#pods.get({ namespace, name }, call);
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw clusterError(`pod ${namespace}/${name} could not be read`, thrown);
    }
  }
}
