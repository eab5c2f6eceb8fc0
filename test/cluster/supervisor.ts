import type { Server } from 'node:net';
import { errorMessage } from '../../src/base/error.ts';
import type { ClusterHost } from './cluster-host.ts';
import { writeClusterRecord } from './cluster-record.ts';
import { serveControl } from './control-server.ts';
import type { LayerName, LayerOptions, LayerStarter, StartedLayer } from './layer.ts';
import { removeCluster } from './leftovers.ts';
import { closeStateRoot } from './state-root.ts';

export interface SupervisorOptions {
  readonly layer: LayerName;
  readonly options: LayerOptions;
  readonly start: LayerStarter;
  /** Its signal is the controller's. */
  readonly host: ClusterHost;
  readonly controller: AbortController;
}

/**
 * Runs one cluster from its start to its end: the programs are children of the process this runs in,
 * orders come by the socket, and at the end nothing is left of it.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #ended = Promise.withResolvers<void>();
  #started: StartedLayer | undefined;
  #starting: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  #server: Server | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Resolves when the layer is ready; where it cannot be, ends the cluster and throws why. */
  async start(): Promise<void> {
    this.#starting = this.#startLayer();
    try {
      await this.#starting;
    } catch (cause) {
      // What could not be removed is told as well, but must not hide why the start failed.
      await this.end().catch((left: unknown) =>
        this.#options.host.logger.error({}, errorMessage(left)),
      );
      throw cause;
    }
  }

  /** Ends the cluster, once, however often it is called. */
  end(): Promise<void> {
    this.#ending ??= this.#end().finally(() => this.#ended.resolve());
    return this.#ending;
  }

  /** Resolves when the cluster has ended, whoever asked for it. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  async #startLayer(): Promise<void> {
    const { layer, options, host, start } = this.#options;
    const end = (): Promise<void> => this.end();
    this.#server = await serveControl(host.stateFolder, {
      programs: host.programs,
      signal: host.signal,
      end,
    });
    this.#started = await start(host, options);
    const { kubeconfig, kubectl, facts = {} } = this.#started;
    const { stateFolder } = host;
    writeClusterRecord(stateFolder, { layer, options, stateFolder, kubeconfig, kubectl, facts });
  }

  async #end(): Promise<void> {
    const { host, controller } = this.#options;
    controller.abort();
    await this.#starting?.catch(() => undefined);
    this.#server?.close();
    try {
      await this.#started?.stop?.();
    } catch (cause) {
      host.logger.warn({}, `a step of stopping the layer failed: ${errorMessage(cause)}`);
    }
    await host.programs.stopAll();
    await removeCluster(host.stateFolder, host.env);
    await closeStateRoot(host.uid);
  }
}
