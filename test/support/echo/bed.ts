import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { load } from 'js-yaml';
import { systemClock } from '../../../operator/kube/base/clock.ts';
import { isNotFound, KubeError } from '../../../operator/kube/base/kube-error.ts';
import { type Logger, silentLogger } from '../../../operator/kube/base/logger.ts';
import type { ApplyObject, DeleteOptions } from '../../../operator/kube/client/resource-client.ts';
import type { Transport } from '../../../operator/kube/client/transport.ts';
import { createKubeClient } from '../../../operator/kube/client/typed-client.ts';
import { Manager, type ManagerEnd } from '../../../operator/kube/controller/manager.ts';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { controllerOf } from '../../../operator/kube/objects/owner-references.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import { EventRecorder } from '../../../operator/kube/writes/event-recorder.ts';
import { events } from '../../../operator/kube/writes/event-resource.ts';
import { transportOf } from '../cluster-client.ts';
import { echoController } from './controller.ts';
import { type ConfigMap, configMaps, type Echo, echoes } from './kinds.ts';

const cluster = { group: '', version: 'v1', namespaced: false, schema: zKubeObject } as const;
const namespaces = defineResource({ ...cluster, kind: 'Namespace', plural: 'namespaces' });
const definitions = defineResource({
  ...cluster,
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
});

/** Two namespaces of one test, what a user does there, and the controller as often as wanted. */
export class EchoBed implements AsyncDisposable {
  /** Not through the controller's transport: this is the user, and the judge. */
  readonly transport: Transport;
  readonly namespace: string;
  readonly archiveNamespace: string;
  readonly call = { signal: AbortSignal.timeout(120_000), fieldManager: 'user' };
  readonly echoes;
  readonly maps;
  readonly #client;

  private constructor(transport: Transport, name: string) {
    this.transport = transport;
    this.namespace = name;
    this.archiveNamespace = `${name}-archive`;
    this.#client = createKubeClient({ transport });
    this.echoes = this.#client.for(echoes);
    this.maps = this.#client.for(configMaps);
  }

  static async open(kubeconfig: string): Promise<EchoBed> {
    const name = `echo-${crypto.randomUUID().slice(0, 8)}`;
    const bed = new EchoBed(transportOf(kubeconfig, 'echo-bed'), name);
    await bed.#installKind();
    for (const own of [bed.namespace, bed.archiveNamespace])
      await bed.#client.for(namespaces).create({ metadata: { name: own } }, bed.call);
    return bed;
  }

  /** The whole controller over `transport`, from empty caches, until `signal` aborts. */
  async run(
    transport: Transport,
    signal: AbortSignal,
    more: { readonly logger?: Logger; readonly workers?: number } = {},
  ): Promise<ManagerEnd> {
    const { logger = silentLogger, workers = 2 } = more;
    const clock = systemClock;
    const client = createKubeClient({ transport });
    const recorder = new EventRecorder({
      events: client.for(events),
      reportingController: 'test.example.com/echo-controller',
      reportingInstance: 'test',
      fieldManager: 'echo-controller',
      clock,
      logger,
    });
    const { caches, controller } = echoController({
      client,
      recorder,
      namespace: this.namespace,
      archiveNamespace: this.archiveNamespace,
      caching: {
        clock,
        logger,
        random: Math.random,
        numbers: {
          backoff: { initialMs: 50, maxMs: 1000, factor: 2, jitter: 0, resetAfterMs: 120_000 },
        },
      },
      controlling: { clock, logger, workers },
      minIntervalMs: 0,
    });
    const services = [recorder];
    const manager = new Manager({ caches, services, controllers: [controller], clock, logger });
    return await manager.run(signal);
  }

  /** Runs the controller until it is disposed of, which fails where the controller failed. */
  start(transport: Transport = this.transport, workers = 2): AsyncDisposable {
    const stop = new AbortController();
    const running = this.run(transport, stop.signal, { workers });
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        const end = await running;
        if (end.reason !== 'stopped') throw end.error;
      },
    };
  }

  async say(name: string, text: string, copies: number): Promise<Echo> {
    const echo: ApplyObject = {
      metadata: { name, namespace: this.namespace },
      spec: { text, copies },
    };
    return await this.echoes.apply(echo, { ...this.call, force: true });
  }

  async remove(name: string, policy?: DeleteOptions['propagationPolicy']): Promise<void> {
    await this.echoes.delete(
      { namespace: this.namespace, name },
      { ...this.call, ...(policy === undefined ? {} : { propagationPolicy: policy }) },
    );
  }

  async get(name: string): Promise<Echo | undefined> {
    try {
      return await this.echoes.get({ namespace: this.namespace, name }, this.call);
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  /** ConfigMaps of the controller that belong to the Echo `name`, by their names. */
  async copies(name: string): Promise<readonly ConfigMap[]> {
    const all = await this.#labelled(this.namespace);
    return all
      .filter((map) => controllerOf(map)?.name === name)
      .toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1));
  }

  /** Reasons of the controller's events on the Echo `name`. */
  async eventReasons(name: string): Promise<readonly string[]> {
    const { items } = await this.#client.for(events).list({ namespace: this.namespace }, this.call);
    return items
      .filter((event) => event.regarding?.['name'] === name)
      .map((event) => event.reason ?? '');
  }

  async archive(): Promise<readonly ConfigMap[]> {
    return await this.#labelled(this.archiveNamespace);
  }

  /** True when the Echo says it is ready and the copies are what it wants. Throws on too many. */
  async echoed(name: string): Promise<boolean> {
    const echo = await this.get(name);
    if (echo === undefined) return false;
    const ready = echo.status?.conditions?.find((condition) => condition.type === 'Ready');
    if (ready?.status !== 'True' || ready.observedGeneration !== echo.metadata.generation)
      return false;
    const copies = await this.copies(name);
    return (
      copies.length === echo.spec.copies &&
      copies.every((map) => map.data?.['text'] === echo.spec.text)
    );
  }

  /** True when neither the Echo nor anything of it is left. */
  async gone(name: string): Promise<boolean> {
    if ((await this.get(name)) !== undefined) return false;
    return (await this.copies(name)).length === 0 && (await this.archive()).length === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [this.namespace, this.archiveNamespace])
      await this.#client.for(namespaces).delete({ name }, this.call);
    await this.transport[Symbol.asyncDispose]();
  }

  async #labelled(namespace: string): Promise<readonly ConfigMap[]> {
    return (await this.maps.list({ namespace, labelSelector: 'app=echo' }, this.call)).items;
  }

  /** Stays when the test ends: other tests of the layer use it too. */
  async #installKind(): Promise<void> {
    const manifest = load(readFileSync(join(import.meta.dirname, 'crd.yaml'), 'utf8'));
    await this.#client
      .for(definitions)
      .apply(manifest as ApplyObject, { ...this.call, force: true });
    while (!(await this.#served())) await delay(50, undefined, { signal: this.call.signal });
  }

  async #served(): Promise<boolean> {
    try {
      await this.echoes.list({ namespace: this.namespace }, this.call);
      return true;
    } catch (thrown) {
      // Not served yet, or its storage is not ready.
      if (thrown instanceof KubeError && (thrown.retryable || isNotFound(thrown))) return false;
      throw thrown;
    }
  }
}
