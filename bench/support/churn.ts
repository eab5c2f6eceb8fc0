import type { KubeClient } from '../../operator/kube/client/typed-client.ts';
import { newerResourceVersion } from '../../operator/kube/objects/resource-version.ts';
import { configMaps } from './kube.ts';

export interface ChurnOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names in use, a multiple of `parallel`; at any time some of them exist. */
  readonly objects: number;
  readonly parallel: number;
  /** Milliseconds between two writes of one writer; default none. */
  readonly pauseMs?: number;
  readonly text?: string;
  readonly signal: AbortSignal;
}

/** Creates, changes and deletes ConfigMaps until it is stopped; each name has one writer. */
export class Churn {
  readonly #options: ChurnOptions;
  readonly #end = new AbortController();
  readonly #done: Promise<unknown>;
  #writes = 0;
  #newest = '0';

  constructor(options: ChurnOptions) {
    this.#options = options;
    if (options.objects % options.parallel !== 0)
      throw new Error(
        `${options.objects} names cannot be shared evenly by ${options.parallel} writers`,
      );
    const writers = Array.from({ length: options.parallel }, (_, at) => this.#write(at));
    this.#done = Promise.all(writers);
  }

  get writes(): number {
    return this.#writes;
  }

  /** Ends the writers; gives the newest version that a change or creation of theirs was given. */
  async stop(): Promise<string> {
    this.#end.abort();
    await this.#done;
    return this.#newest;
  }

  async #write(writer: number): Promise<void> {
    const {
      client,
      labels,
      namespace,
      objects,
      parallel,
      pauseMs,
      signal,
      text = '',
    } = this.#options;
    const maps = client.for(configMaps);
    const call = { signal, fieldManager: 'churn' };
    const exists = new Set<string>();
    for (let step = 0; !this.#end.signal.aborted; step += 1) {
      const name = `object-${(writer + parallel * step) % objects}`;
      const data = { step: String(step), text };
      if (exists.has(name) && Math.random() < DELETED) {
        await maps.delete({ namespace, name }, { signal });
        exists.delete(name);
      } else {
        const written = exists.has(name)
          ? await maps.patch({ namespace, name }, { type: 'merge', body: { data } }, call)
          : await maps.create({ metadata: { name, namespace, labels }, data }, call);
        exists.add(name);
        this.#newest = newerResourceVersion(this.#newest, written.metadata.resourceVersion ?? '0');
      }
      this.#writes += 1;
      if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** Part of the writes to an object that delete it. */
const DELETED = 0.15;
