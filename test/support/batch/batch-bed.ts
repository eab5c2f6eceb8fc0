import { allControllers } from '../../../operator/controllers/all-controllers.ts';
import { type RolloutBatch, rolloutBatches } from '../../../operator/controllers/shared/kinds.ts';
import { type Job, jobs, services } from '../../../operator/controllers/shared/kube-kinds.ts';
import { FIELD_MANAGER } from '../../../operator/controllers/shared/marks.ts';
import { type SandboxPod, sandboxPods } from '../../../operator/controllers/shared/pods.ts';
import { systemClock } from '../../../operator/kube/base/clock.ts';
import { isNotFound } from '../../../operator/kube/base/kube-error.ts';
import { type Logger, silentLogger } from '../../../operator/kube/base/logger.ts';
import type { DeleteOptions } from '../../../operator/kube/client/resource-client.ts';
import type { Transport } from '../../../operator/kube/client/transport.ts';
import { createKubeClient } from '../../../operator/kube/client/typed-client.ts';
import { Manager, type ManagerEnd } from '../../../operator/kube/controller/manager.ts';
import { isTrue } from '../../../operator/kube/objects/conditions.ts';
import type { ObjectKey } from '../../../operator/kube/objects/object-key.ts';
import { EventRecorder } from '../../../operator/kube/writes/event-recorder.ts';
import { events } from '../../../operator/kube/writes/event-resource.ts';
import type { PreflightCluster } from '../../../src/engines/kubernetes/preflight-pod.ts';
import { zPodSettings } from '../../../src/engines/kubernetes/settings.ts';
import { transportOf } from '../cluster-client.ts';
import { namespaces } from '../layer-client.ts';
import { FakeNode } from './fake-node.ts';
import { MemoryServer } from './memory-server.ts';
import { PodPlayer, type Script } from './pod-player.ts';

/** Of the server's sandbox listener; every bed has one in its namespace. */
export const SERVICE = 'clawgym-server';

export interface BedOptions {
  /** Pod Security level that the namespace enforces; default restricted. */
  readonly level?: 'restricted' | 'baseline';
  readonly script?: (pod: SandboxPod, phase: 'rollout' | 'verify', index: number) => Script;
  /** Given: the network is probed. */
  readonly preflight?: PreflightCluster;
  /** False: pods find no room. */
  readonly room?: boolean;
}

export interface OperatorOptions {
  readonly logger?: Logger;
  readonly tickMs?: number;
  /** What the operator watches; default: the namespace of the bed alone. */
  readonly serves?: 'namespace' | 'cluster';
  /** Service of the server, where it is not in the namespace of the bed. */
  readonly service?: ObjectKey;
}

/** A namespace, a node, a server in memory and somebody who plays pods; batches as a user makes them. */
export class BatchBed implements AsyncDisposable {
  readonly transport: Transport;
  readonly namespace: string;
  readonly server = new MemoryServer();
  readonly client;
  readonly call = { signal: AbortSignal.timeout(240_000), fieldManager: 'user' };
  readonly node: FakeNode;
  readonly #player: PodPlayer;
  readonly #room: boolean;
  readonly #preflight: PreflightCluster | undefined;
  /** By how much the controller's wall clock is ahead. */
  aheadMs = 0;
  script: NonNullable<BedOptions['script']>;

  private constructor(
    transport: Transport,
    namespace: string,
    node: FakeNode,
    { script = () => 'work', room = true, preflight }: BedOptions,
  ) {
    this.transport = transport;
    this.namespace = namespace;
    this.client = createKubeClient({ transport });
    this.node = node;
    this.script = script;
    this.#room = room;
    this.#preflight = preflight;
    this.#player = new PodPlayer({
      ...{ client: this.client, namespace, server: this.server },
      script: (...pod) => this.script(...pod),
    });
  }

  static async open(kubeconfig: string, options: BedOptions = {}): Promise<BatchBed> {
    const transport = transportOf(kubeconfig, 'batch-bed');
    const client = createKubeClient({ transport });
    const name = `batch-${crypto.randomUUID().slice(0, 8)}`;
    const call = { signal: AbortSignal.timeout(30_000), fieldManager: 'user' };
    const labels = { 'pod-security.kubernetes.io/enforce': options.level ?? 'restricted' };
    await client.for(namespaces).create({ metadata: { name, labels } }, call);
    const spec = { ports: [{ port: 8443 }], selector: { app: SERVICE } };
    await client.for(services).create({ metadata: { name: SERVICE, namespace: name }, spec }, call);
    const node = await FakeNode.open(client);
    return new BatchBed(transport, name, node, options);
  }

  /** Creates a batch of one task with so many samples. */
  async create(name: string, spec: object = {}): Promise<RolloutBatch> {
    const { nodeSelector, tolerations } = this.node;
    const sandbox = this.#room ? { nodeSelector, tolerations } : { nodeSelector: { no: 'room' } };
    const metadata = { name, namespace: this.namespace };
    const full = { tasks: { digest: 'a'.repeat(64) }, agent: { name: 'nop' }, sandbox, ...spec };
    return await this.client
      .for(rolloutBatches)
      .apply({ metadata, spec: full }, { ...this.call, force: true });
  }

  async change(name: string, spec: object): Promise<void> {
    const key = { namespace: this.namespace, name };
    await this.client.for(rolloutBatches).patch(key, { type: 'merge', body: { spec } }, this.call);
  }

  async remove(name: string, policy: DeleteOptions['propagationPolicy']): Promise<void> {
    const options = {
      ...this.call,
      ...(policy === undefined ? {} : { propagationPolicy: policy }),
    };
    await this.client.for(rolloutBatches).delete({ namespace: this.namespace, name }, options);
  }

  async get(name: string): Promise<RolloutBatch | undefined> {
    try {
      return await this.client
        .for(rolloutBatches)
        .get({ namespace: this.namespace, name }, this.call);
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  async jobs(): Promise<readonly Job[]> {
    return (await this.client.for(jobs).list({ namespace: this.namespace }, this.call)).items;
  }

  async pods(): Promise<readonly SandboxPod[]> {
    return (await this.client.for(sandboxPods).list({ namespace: this.namespace }, this.call))
      .items;
  }

  /** `Status Reason` of a condition; undefined while it is not there. */
  async condition(name: string, type: string): Promise<string | undefined> {
    const found = (await this.get(name))?.status?.conditions?.find((each) => each.type === type);
    return found && `${found.status} ${found.reason}`;
  }

  async complete(name: string): Promise<boolean> {
    return isTrue((await this.get(name))?.status?.conditions, 'Complete');
  }

  async eventReasons(name: string): Promise<readonly string[]> {
    const selection = { namespace: this.namespace };
    const { items } = await this.client.for(events).list(selection, this.call);
    return items.flatMap((event) =>
      event.regarding?.['name'] === name && event.reason != null ? [event.reason] : [],
    );
  }

  /** Every controller of the product over `transport`, from empty caches, until `signal` aborts. */
  async run(
    transport: Transport,
    signal: AbortSignal,
    more: OperatorOptions = {},
  ): Promise<ManagerEnd> {
    const { logger = silentLogger, tickMs = 50, serves = 'namespace' } = more;
    const clock = { ...systemClock, now: () => Date.now() + this.aheadMs };
    const client = createKubeClient({ transport });
    const recorder = new EventRecorder({
      ...{ events: client.for(events), reportingController: 'clawgym.io/operator' },
      ...{ reportingInstance: 'test', fieldManager: FIELD_MANAGER, clock, logger },
    });
    const backoff = { initialMs: 50, maxMs: 1000, factor: 2, jitter: 0, resetAfterMs: 120_000 };
    const { nodeSelector, tolerations } = this.node;
    const { caches, controllers } = allControllers({
      ...{ client, recorder, server: this.server },
      podSettings: zPodSettings.parse({
        images: { pi: 'pi', openclaw: 'openclaw', runner: 'runner' },
        server: { namespace: this.namespace, podLabels: { app: SERVICE } },
      }),
      sandboxDefaults: this.#room ? { nodeSelector, tolerations } : {},
      preflight: this.#preflight,
      service: more.service ?? { namespace: this.namespace, name: SERVICE },
      controlling: { clock, logger, workers: 2 },
      settings: { tickMs, countsMs: 200 },
      minIntervalMs: 0,
      namespaces: serves === 'cluster' ? undefined : [this.namespace],
      caching: { clock, logger, random: Math.random, numbers: { backoff } },
    });
    const manager = new Manager({ caches, services: [recorder], controllers, clock, logger });
    return await manager.run(signal);
  }

  /** Runs the operator until it is disposed of, which fails where it failed. */
  start(more: OperatorOptions & { readonly transport?: Transport } = {}): AsyncDisposable {
    const stop = new AbortController();
    const running = this.run(more.transport ?? this.transport, stop.signal, more);
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        const end = await running;
        if (end.reason !== 'stopped') throw end.error;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#player[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    // Pods on a node that is no more would keep the namespace for their grace period.
    for (const { metadata } of await this.pods()) {
      const { name, namespace } = metadata;
      const options = { ...this.call, gracePeriodSeconds: 0 };
      await this.client.for(sandboxPods).delete({ name, namespace }, options).catch(unlessGone);
    }
    await this.client.for(namespaces).delete({ name: this.namespace }, this.call).catch(unlessGone);
    await this.transport[Symbol.asyncDispose]();
  }
}

function unlessGone(thrown: unknown): void {
  if (!isNotFound(thrown)) throw thrown;
}
