import { setImmediate as nextTurn } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { CacheChange } from '../../operator/kube/cache/cache.ts';
import { createCacheMetrics } from '../../operator/kube/cache/cache-metrics.ts';
import {
  type CacheOptions,
  createCache,
  type InformerCache,
} from '../../operator/kube/cache/informer-cache.ts';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';
import { configMap, page } from './config-maps.ts';
import { keepingLogger } from './keeping-logger.ts';
import { ManualClock } from './manual-clock.ts';
import { ScriptedClient } from './scripted-client.ts';

/** A running cache on a scripted client and a clock that the test moves. */
export class ScriptedCache {
  readonly client = new ScriptedClient();
  readonly clock = new ManualClock();
  readonly registry = new Registry();
  readonly logged: string[] = [];
  readonly changes: CacheChange<KubeObject>[] = [];
  readonly cache: InformerCache<KubeObject>;
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: Partial<CacheOptions<KubeObject>> = {}) {
    this.cache = createCache({
      client: this.client,
      clock: this.clock,
      random: () => 0.5,
      logger: keepingLogger(this.logged),
      metrics: createCacheMetrics(this.registry),
      ...options,
    });
    this.cache.subscribe((change) => this.changes.push(change));
  }

  async start(): Promise<void> {
    this.#running = this.cache.run(this.#end.signal);
    await settle();
  }

  async stop(): Promise<void> {
    this.#end.abort(new Error('stopped'));
    await this.#running;
  }

  /** Lets what was sent arrive, then moves the time. */
  async advance(ms: number): Promise<void> {
    await settle();
    this.clock.advance(ms);
    await settle();
  }

  /** Changes as `type name@version`, with `?` where the final state is not known. */
  get told(): readonly string[] {
    return this.changes.map(changeText);
  }

  /** Names and versions in the cache. */
  get held(): readonly string[] {
    return this.cache
      .list()
      .map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
      .toSorted();
  }

  /** Sum of a metric over its labels that match. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const found = await this.registry.getSingleMetric(name)?.get();
    if (!found) throw new Error(`no metric ${name}`);
    return found.values
      .filter((value) =>
        Object.entries(labels).every(([label, text]) => value.labels[label] === text),
      )
      .reduce((sum, value) => sum + value.value, 0);
  }
}

export function changeText(change: CacheChange<KubeObject>): string {
  const { name, resourceVersion } = change.object.metadata;
  const unknown = change.type === 'deleted' && change.finalStateUnknown ? '?' : '';
  return `${change.type} ${name}@${resourceVersion}${unknown}`;
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
}

/** A cache that has listed `a@1` at version 10 and watches. */
export async function watchingCache(
  options?: ConstructorParameters<typeof ScriptedCache>[0],
): Promise<ScriptedCache> {
  const scripted = new ScriptedCache(options);
  scripted.client.lists.push([page('10', configMap('a', '1'))]);
  await scripted.start();
  return scripted;
}
