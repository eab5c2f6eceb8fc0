import { benchRunController } from '../../operator/controllers/benchrun/controller.ts';
import { type BenchRun, benchRuns } from '../../operator/controllers/benchrun/kinds.ts';
import { clawTaskController } from '../../operator/controllers/clawtask/controller.ts';
import {
  type ClawTask,
  clawTasks,
  type RolloutBatch,
  rolloutBatches,
} from '../../operator/controllers/shared/kinds.ts';
import { FIELD_MANAGER, REPORTING_CONTROLLER } from '../../operator/controllers/shared/marks.ts';
import { ScopedCaches } from '../../operator/controllers/shared/scoped-caches.ts';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { isNotFound } from '../../operator/kube/base/kube-error.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import type { ApplyObject, DeleteOptions } from '../../operator/kube/client/resource-client.ts';
import type { Transport } from '../../operator/kube/client/transport.ts';
import { createKubeClient } from '../../operator/kube/client/typed-client.ts';
import { Manager, type ManagerEnd } from '../../operator/kube/controller/manager.ts';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';
import { byControllerUid, controllerOf } from '../../operator/kube/objects/owner-references.ts';
import type { Resource } from '../../operator/kube/objects/resource.ts';
import { EventRecorder } from '../../operator/kube/writes/event-recorder.ts';
import { events } from '../../operator/kube/writes/event-resource.ts';
import { transportOf } from './cluster-client.ts';
import { namespaces } from './layer-client.ts';
import { ScriptedServer } from './scripted-server.ts';

/**
 * A namespace of a test's own on the real API server with the controllers of BenchRuns and ClawTasks.
 * What becomes of RolloutBatches is the test's to say: it writes their status.
 */
export class RunBed implements AsyncDisposable {
  /** Not through the controllers' transport: this is the user, and the judge. */
  readonly transport: Transport;
  readonly namespace: string;
  readonly server = new ScriptedServer();
  readonly call = { signal: AbortSignal.timeout(240_000), fieldManager: 'user' };
  readonly benches;
  readonly tasks;
  readonly batchClient;
  readonly #client;

  private constructor(transport: Transport, namespace: string) {
    this.transport = transport;
    this.namespace = namespace;
    this.#client = createKubeClient({ transport });
    this.benches = this.#client.for(benchRuns);
    this.tasks = this.#client.for(clawTasks);
    this.batchClient = this.#client.for(rolloutBatches);
  }

  /** The CRDs must be there: `installCrds`. */
  static async open(kubeconfig: string): Promise<RunBed> {
    const name = `runs-${crypto.randomUUID().slice(0, 8)}`;
    const bed = new RunBed(transportOf(kubeconfig, 'run-bed'), name);
    await bed.#client.for(namespaces).create({ metadata: { name } }, bed.call);
    return bed;
  }

  /** Both controllers over `transport`, from empty caches, until `signal` aborts. */
  async run(transport: Transport, signal: AbortSignal): Promise<ManagerEnd> {
    const [clock, logger] = [systemClock, silentLogger];
    const client = createKubeClient({ transport });
    const recorder = new EventRecorder({
      events: client.for(events),
      reportingController: REPORTING_CONTROLLER,
      reportingInstance: 'test',
      fieldManager: FIELD_MANAGER,
      ...{ clock, logger },
    });
    const backoff = { initialMs: 50, maxMs: 1000, factor: 2, jitter: 0, resetAfterMs: 120_000 };
    const caching = { clock, logger, random: Math.random, numbers: { backoff } };
    const caches = new ScopedCaches(client, [this.namespace], caching);
    const indexes = { owner: byControllerUid };
    const common = {
      ...{ client, recorder, server: this.server, minIntervalMs: 0, scoresIntervalMs: 0 },
      batches: caches.of(rolloutBatches, {}, { indexes }),
      controlling: { clock, logger, workers: 2 },
    };
    const controllers = [
      benchRunController({ ...common, benches: caches.of(benchRuns) }),
      clawTaskController({ ...common, tasks: caches.of(clawTasks) }),
    ];
    const services = [recorder];
    const manager = new Manager({ caches: caches.services, services, controllers, clock, logger });
    return await manager.run(signal);
  }

  /** Runs the controllers until it is disposed of, which fails where they failed. */
  start(transport: Transport = this.transport): AsyncDisposable {
    const stop = new AbortController();
    const running = this.run(transport, stop.signal);
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        const end = await running;
        if (end.reason !== 'stopped') throw end.error;
      },
    };
  }

  async applyBench(name: string, spec: Record<string, unknown>): Promise<BenchRun> {
    return await this.benches.apply(this.#object(name, spec), { ...this.call, force: true });
  }

  async applyTask(name: string, spec: Record<string, unknown>): Promise<ClawTask> {
    return await this.tasks.apply(this.#object(name, spec), { ...this.call, force: true });
  }

  async bench(name: string): Promise<BenchRun | undefined> {
    return await this.#find(benchRuns, name);
  }

  async task(name: string): Promise<ClawTask | undefined> {
    return await this.#find(clawTasks, name);
  }

  /** Batches that the object of this name controls, in the order of their arms or gates. */
  async batches(owner: string): Promise<readonly RolloutBatch[]> {
    const { items } = await this.batchClient.list({ namespace: this.namespace }, this.call);
    return items
      .filter((batch) => controllerOf(batch)?.name === owner)
      .toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1));
  }

  /** The batch whose name has `part`: an arm or a gate. */
  async batch(owner: string, part: string): Promise<RolloutBatch | undefined> {
    return (await this.batches(owner)).find(({ metadata }) => metadata.name.includes(part));
  }

  /** What the controller of batches would write. */
  async say(batch: RolloutBatch, status: object): Promise<void> {
    const { name, namespace } = batch.metadata;
    const said = { metadata: { name, namespace }, status: { ...status } };
    const options = { ...this.call, fieldManager: 'batches', force: true };
    await this.batchClient.applyStatus(said, options);
  }

  async remove(
    kind: 'bench' | 'task',
    name: string,
    propagationPolicy: NonNullable<DeleteOptions['propagationPolicy']> = 'Background',
  ): Promise<void> {
    const client = kind === 'bench' ? this.benches : this.tasks;
    await client.delete({ namespace: this.namespace, name }, { ...this.call, propagationPolicy });
  }

  /** Reasons of the events on objects of this name. */
  async eventReasons(name: string): Promise<readonly string[]> {
    const { items } = await this.#client.for(events).list({ namespace: this.namespace }, this.call);
    return items
      .filter((event) => event.regarding?.['name'] === name)
      .map((event) => event.reason ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.for(namespaces).delete({ name: this.namespace }, this.call);
    await this.transport[Symbol.asyncDispose]();
  }

  #object(name: string, spec: Record<string, unknown>): ApplyObject {
    return { metadata: { name, namespace: this.namespace }, spec };
  }

  async #find<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined> {
    try {
      return await this.#client.for(resource).get({ namespace: this.namespace, name }, this.call);
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }
}
