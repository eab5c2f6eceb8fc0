import { z } from 'zod';
import { isExpired, KubeError } from '../../../operator/kube/base/kube-error.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import { LABELS } from '../../../src/protocol/pod-contract.ts';

const zTime = z.string().nullish();
const zContainer = z.looseObject({
  name: z.string(),
  containerID: z.string().optional(),
  state: z
    .looseObject({
      terminated: z
        .looseObject({ exitCode: z.number(), startedAt: zTime, finishedAt: zTime })
        .nullish(),
    })
    .nullish(),
});
const zPod = zKubeObject.extend({
  status: z
    .looseObject({
      phase: z.string().optional(),
      conditions: z.array(z.looseObject({ type: z.string(), lastTransitionTime: zTime })).nullish(),
      initContainerStatuses: z.array(zContainer).nullish(),
      containerStatuses: z.array(zContainer).nullish(),
    })
    .optional(),
});
export type WatchedPod = z.infer<typeof zPod>;

const pods = defineResource({
  ...{ group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true, schema: zPod },
});
const WATCH_SECONDS = 3600;

/** The last that was seen of every pod of a namespace: a batch deletes its pods when it is over. */
export class PodWatch implements AsyncDisposable {
  readonly #last = new Map<string, WatchedPod>();
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #failed: Error | undefined;

  constructor(client: KubeClient, namespace: string) {
    this.#ended = this.#follow(client, namespace).catch((thrown: unknown) => {
      if (!this.#stop.signal.aborted)
        this.#failed = new Error('the watch broke', { cause: thrown });
    });
  }

  /** Every sandbox pod since the watch began. Throws where it broke. */
  get pods(): readonly WatchedPod[] {
    if (this.#failed !== undefined) throw this.#failed;
    return [...this.#last.values()].filter(({ metadata }) => metadata.labels?.[LABELS.phase]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #follow(client: KubeClient, namespace: string): Promise<void> {
    const { signal } = this.#stop;
    const api = client.for(pods);
    while (!signal.aborted) {
      const { items, resourceVersion } = await api.list({ namespace }, { signal });
      for (const pod of items) this.#keep(pod);
      const options = { signal, resourceVersion, serverTimeoutSeconds: WATCH_SECONDS };
      try {
        for await (const event of api.watch({ namespace }, options)) {
          if (event.type !== 'BOOKMARK') this.#keep(event.object);
        }
      } catch (thrown) {
        if (!(thrown instanceof KubeError) || !isExpired(thrown)) throw thrown;
      }
    }
  }

  #keep(pod: WatchedPod): void {
    this.#last.set(pod.metadata.uid ?? '', pod);
  }
}

export interface ContainerTimes {
  readonly name: string;
  /** As cgroups are named. */
  readonly id: string;
  readonly exitCode: number;
  /** Milliseconds since the epoch, to the second. */
  readonly started: number;
  readonly ended: number;
}

/** In the order of the pod: init containers first. Only those that have ended. */
export function endedContainers({ status }: WatchedPod): readonly ContainerTimes[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.flatMap(({ name, containerID = '', state }) => {
    const { exitCode = -1, startedAt, finishedAt } = state?.terminated ?? {};
    if (!startedAt || !finishedAt) return [];
    const [started, ended] = [Date.parse(startedAt), Date.parse(finishedAt)];
    return [{ name, id: containerID.replace(/^.*:\/\//, ''), exitCode, started, ended }];
  });
}
