import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import type { CacheChange } from '../../operator/kube/cache/cache.ts';
import { createCacheMetrics } from '../../operator/kube/cache/cache-metrics.ts';
import {
  type CacheOptions,
  createCache,
  type InformerCache,
} from '../../operator/kube/cache/informer-cache.ts';
import type { ReflectorNumbers } from '../../operator/kube/cache/reflector-context.ts';
import { createCredentials } from '../../operator/kube/client/credentials.ts';
import { createKubeClient, type KubeClient } from '../../operator/kube/client/typed-client.ts';
import { createTransport } from '../../operator/kube/client/undici-transport.ts';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';
import { FaultProxy } from './fault-proxy/fault-proxy.ts';
import type { ProxiedRequest } from './fault-proxy/proxied-request.ts';
import { upstreamOfKubeconfig } from './fault-proxy/upstream.ts';
import { keepingLogger } from './keeping-logger.ts';
import { configMaps, namespaces } from './layer-client.ts';
import { changeText } from './scripted-cache.ts';

/** ConfigMaps of which each must have a whole number: others do not fit. */
export const numbered = defineResource({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  schema: zKubeObject.extend({ data: z.object({ number: z.string().regex(/^\d+$/) }) }),
});
export type Numbered = ReturnType<(typeof numbered)['parse']>;

/** Small, so that a test with many failures takes no minutes. */
export const QUICK: Partial<ReflectorNumbers> = {
  backoff: { initialMs: 50, maxMs: 1_000, factor: 2, jitter: 0, resetAfterMs: 120_000 },
  pageSize: 5,
};
const LABEL = { bed: 'reflector' };
const PATIENCE_MS = 30_000;

/** A namespace of a real API server, written to directly, and a cache that sees it through faults. */
export class ReflectorBed implements AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly namespace: string;
  readonly changes: CacheChange<Numbered>[] = [];
  readonly logged: string[] = [];
  readonly registry = new Registry();
  readonly cache: InformerCache<Numbered>;
  readonly #direct: KubeClient;
  readonly #faulty: KubeClient;
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;

  private constructor(
    parts: { proxy: FaultProxy; namespace: string; direct: KubeClient; faulty: KubeClient },
    options: Partial<CacheOptions<Numbered>>,
  ) {
    this.proxy = parts.proxy;
    this.namespace = parts.namespace;
    this.#direct = parts.direct;
    this.#faulty = parts.faulty;
    this.cache = createCache({
      client: this.#faulty.for(numbered),
      selection: { namespace: this.namespace, labelSelector: 'bed=reflector' },
      clock: systemClock,
      random: Math.random,
      logger: keepingLogger(this.logged),
      metrics: createCacheMetrics(this.registry),
      ...options,
      numbers: { ...QUICK, ...options.numbers },
    });
    this.cache.subscribe((change) => this.changes.push(change));
  }

  /** `objects` are there before the cache starts. */
  static async open(
    kubeconfig: string,
    namespace: string,
    objects: readonly string[] = ['a'],
    options: Partial<CacheOptions<Numbered>> = {},
  ): Promise<ReflectorBed> {
    const direct = connect(kubeconfig);
    await direct
      .for(namespaces)
      .create({ metadata: { name: namespace } }, { signal: soon(), fieldManager: 'test' });
    const proxy = await FaultProxy.start({ upstream: upstreamOfKubeconfig(kubeconfig) });
    const folder = await mkdtemp(join(tmpdir(), 'reflector-bed-'));
    const path = join(folder, 'kubeconfig');
    await proxy.writeKubeconfig(path);
    const faulty = connect(path);
    await faulty.for(namespaces).get({ name: namespace }, { signal: soon() });
    await rm(folder, { recursive: true });
    const bed = new ReflectorBed({ proxy, namespace, direct, faulty }, options);
    for (const name of objects) await bed.write(name);
    return bed;
  }

  run(): void {
    this.#running = this.cache.run(this.#end.signal);
  }

  /** Runs until the first list is in and the watch is open. */
  async sync(): Promise<void> {
    this.run();
    await this.cache.whenSynced(soon());
    await this.until('a watch is open', () => this.watches.length === 1);
  }

  async stop(): Promise<void> {
    this.#end.abort(new Error('the test stops the cache'));
    await this.#running;
  }

  /** Creates or changes an object, past the proxy; gives its version. */
  async write(name: string, number = '1', labels: Record<string, string> = LABEL): Promise<string> {
    const written = await this.#direct
      .for(configMaps)
      .apply(
        { metadata: { name, namespace: this.namespace, labels }, data: { number } },
        { signal: soon(), fieldManager: 'test', force: true },
      );
    return written.metadata.resourceVersion ?? '';
  }

  async remove(name: string): Promise<void> {
    await this.#direct
      .for(numbered)
      .delete({ namespace: this.namespace, name }, { signal: soon() });
  }

  /** Waits until the cache holds `name` with that number, or not at all. */
  async holds(name: string, number: string | undefined): Promise<void> {
    await this.until(
      `${name} is ${number ?? 'gone'}`,
      () => this.cache.get({ namespace: this.namespace, name })?.data.number === number,
    );
  }

  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const signal = soon();
    while (!(await condition())) {
      if (signal.aborted)
        throw new Error(`${what}: not within ${PATIENCE_MS} ms\n${this.logged.join('\n')}`);
      await systemClock.sleep(5);
    }
  }

  /** Changes as `type name@number`, with `?` where the final state is not known. */
  get told(): readonly string[] {
    return this.changes.map((change) =>
      changeText(change).replace(/@\d+/, `@${change.object.data.number}`),
    );
  }

  get lists(): readonly ProxiedRequest[] {
    return this.#requests('list');
  }

  get watches(): readonly ProxiedRequest[] {
    return this.#requests('watch');
  }

  /** Versions from which the watches began. */
  get watchedFrom(): readonly string[] {
    return this.watches.map(({ query }) => query.get('resourceVersion') ?? '');
  }

  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const found = await this.registry.getSingleMetric(name)?.get();
    return (found?.values ?? [])
      .filter((value) => Object.entries(labels).every(([key, text]) => value.labels[key] === text))
      .reduce((sum, value) => sum + value.value, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#faulty.transport[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    await this.#direct.for(namespaces).delete({ name: this.namespace }, { signal: soon() });
    await this.#direct.transport[Symbol.asyncDispose]();
  }

  #requests(verb: ProxiedRequest['verb']): readonly ProxiedRequest[] {
    return this.proxy.requests.filter(
      (request) => request.verb === verb && request.resource === 'configmaps',
    );
  }
}

function soon(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS);
}

function connect(kubeconfig: string): KubeClient {
  const common = { clock: systemClock, logger: silentLogger };
  const credentials = createCredentials({
    ...common,
    source: { kind: 'files', paths: [kubeconfig] },
  });
  return createKubeClient({
    transport: createTransport({
      ...common,
      credentials,
      userAgent: 'clawgym-tests/1',
      times: { pingMs: 300, deadAfterMs: 1_500 },
    }),
  });
}
