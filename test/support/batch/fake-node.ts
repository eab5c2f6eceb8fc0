import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { isNotFound } from '../../../operator/kube/base/kube-error.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { leases } from '../../../operator/kube/election/lease.ts';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import { stampMicro, stampSeconds } from '../../../operator/kube/objects/time-stamps.ts';

const nodes = defineResource({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
  schema: zKubeObject.extend({ spec: z.looseObject({}).optional() }),
});
const BEAT_MS = 5000;
const call = { signal: new AbortController().signal, fieldManager: 'fake-node' };

/**
 * A node without a kubelet on a layer that has none: the scheduler places pods on it, and its lease is
 * renewed, so that nobody takes it for dead. Only pods that tolerate its taint come.
 */
export class FakeNode implements AsyncDisposable {
  readonly name: string;
  readonly #client: KubeClient;
  readonly #stop = new AbortController();
  readonly #beating: Promise<void>;

  private constructor(client: KubeClient, name: string) {
    this.#client = client;
    this.name = name;
    this.#beating = this.#beat();
  }

  /** What pods must say to be placed here. */
  get tolerations() {
    return [
      { key: 'fake-node', operator: 'Equal', value: this.name, effect: 'NoSchedule' } as const,
    ];
  }

  get nodeSelector(): Record<string, string> {
    return { 'fake-node': this.name };
  }

  static async open(client: KubeClient): Promise<FakeNode> {
    const name = `fake-${crypto.randomUUID().slice(0, 8)}`;
    const taints = [{ key: 'fake-node', value: name, effect: 'NoSchedule' }];
    const metadata = { name, labels: { 'fake-node': name } };
    await client.for(nodes).create({ metadata, spec: { taints } }, call);
    const room = { cpu: '1000', memory: '4Ti', 'ephemeral-storage': '16Ti', pods: '10000' };
    const heard = stampSeconds(Date.now());
    const conditions = [
      {
        ...{ type: 'Ready', status: 'True', reason: 'Test', message: '' },
        ...{ lastHeartbeatTime: heard, lastTransitionTime: heard },
      },
    ];
    const status = { capacity: room, allocatable: room, conditions };
    await client.for(nodes).applyStatus({ metadata: { name }, status }, { ...call, force: true });
    return new FakeNode(client, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#beating;
    await this.#client.for(nodes).delete({ name: this.name }, call);
    await this.#client
      .for(leases)
      .delete({ namespace: 'kube-node-lease', name: this.name }, call)
      .catch((thrown: unknown) => {
        if (!isNotFound(thrown)) throw thrown;
      });
  }

  async #beat(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const metadata = { namespace: 'kube-node-lease', name: this.name };
      const spec = {
        ...{ holderIdentity: this.name, leaseDurationSeconds: 40 },
        renewTime: stampMicro(Date.now()),
      };
      await this.#client.for(leases).apply({ metadata, spec }, { ...call, force: true });
      await delay(BEAT_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}
