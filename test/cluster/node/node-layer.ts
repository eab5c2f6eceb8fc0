import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import { ClawError } from '../../../src/base/error.ts';
import type { Cluster } from '../cluster.ts';
import type { HostEnv } from '../cluster-host.ts';
import { waitUntil } from '../wait-until.ts';
import { ClusterApi } from './cluster-api.ts';
import { enterNetwork, enterNode, processesBeside } from './namespaces.ts';
import { containerdClient, importImage, nodeProgram } from './node.ts';
import { nodePaths } from './node-files.ts';
import { type NodeLayerState, type NodeState, readNodeLayerState } from './node-state.ts';
import { runTool, type ToolOptions } from './run-tool.ts';

const zObject = z.record(z.string(), z.unknown());
const KUBELET_SECONDS = 30;
const READY_SECONDS = 60;

/** A running node layer as tests see it; any process of root may hold one. Close it after use. */
export class NodeLayer implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly state: NodeLayerState;
  readonly api: ClusterApi;
  readonly nodes: readonly ClusterNode[];

  constructor(cluster: Cluster, tools: { readonly env: HostEnv; readonly signal: AbortSignal }) {
    this.cluster = cluster;
    this.state = readNodeLayerState(cluster);
    this.api = new ClusterApi(cluster.kubeconfigPath);
    const parts = { cluster, api: this.api, tools };
    this.nodes = this.state.nodes.map((node) => new ClusterNode(node, parts));
  }

  /** Fails with `NotFound` where no node has this name. */
  node(name: string): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found !== undefined) return found;
    const names = this.nodes.map((node) => node.name).join(', ');
    throw new ClawError('NotFound', `no node ${name} in this cluster; there are: ${names}`);
  }

  /** On every node. */
  async importImage(tarPath: string): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.importImage(tarPath)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
  }
}

interface NodeParts {
  readonly cluster: Cluster;
  readonly api: ClusterApi;
  readonly tools: ToolOptions;
}

/** One node, reached into from the host. */
export class ClusterNode {
  readonly state: NodeState;
  readonly #parts: NodeParts;

  constructor(state: NodeState, parts: NodeParts) {
    this.state = state;
    this.#parts = parts;
  }

  get name(): string {
    return this.state.name;
  }

  /** Start of a command line that runs a host's program in the node's network namespace only. */
  get networkArgv(): readonly [string, ...string[]] {
    return enterNetwork(this.state.pid);
  }

  /** Runs a program in all namespaces of the node. Fails with `ClusterFailed` and what it printed. */
  async run(argv: readonly string[]): Promise<string> {
    return await runTool([...enterNode(this.state.pid), ...argv], this.#parts.tools);
  }

  /** Loads the tar of an OCI layout or of `docker save`; pods name the image as it is written in it. */
  async importImage(tarPath: string): Promise<void> {
    await importImage(this.state, tarPath, this.#parts.tools);
  }

  /**
   * Kills the first process of a container, as the kernel does to all of its processes when a group
   * kill for memory happens with cgroup v2: the kernel then ends the whole container. `containerId`
   * as pod statuses have it (`containerd://…`).
   */
  async killFirstProcess(containerId: string): Promise<void> {
    const id = containerId.replace('containerd://', '');
    const signal = ['tasks', 'kill', '--signal', 'SIGKILL', id];
    await runTool(containerdClient(this.state, signal), this.#parts.tools);
  }

  /** Ends the kubelet; containers and their pods' networks go on. */
  async stopKubelet(): Promise<void> {
    const program = nodeProgram(this.name, 'kubelet');
    for (const pid of this.#kubelets()) process.kill(pid, 'SIGTERM');
    await waitUntil(
      async () => {
        const programs = await this.#parts.cluster.programs();
        const running = programs.some(({ name, running }) => name === program && running);
        return !running && this.#kubelets().length === 0;
      },
      { what: `${program} has ended`, seconds: KUBELET_SECONDS, signal: this.#parts.tools.signal },
    );
  }

  /** Starts the kubelet again after `stopKubelet` and waits until the node is Ready. */
  async startKubelet(): Promise<void> {
    await this.#parts.cluster.startProgram(nodeProgram(this.name, 'kubelet'));
    await this.waitReady();
  }

  /**
   * Runs the kubelet with these fields of its configuration in place of its own, for example another
   * `evictionHard`, until the result is disposed. Each change is a restart of the kubelet.
   */
  async configureKubelet(fields: Readonly<Record<string, unknown>>): Promise<AsyncDisposable> {
    const path = nodePaths(this.state.folder).kubeletConfig;
    const own = readFileSync(path, 'utf8');
    await this.#restartKubelet(
      path,
      JSON.stringify({ ...zObject.parse(parseJson(own)), ...fields }),
    );
    return { [Symbol.asyncDispose]: () => this.#restartKubelet(path, own) };
  }

  async #restartKubelet(path: string, config: string): Promise<void> {
    await this.stopKubelet();
    writeFileSync(path, config);
    await this.startKubelet();
  }

  async waitReady(): Promise<void> {
    const { api, tools } = this.#parts;
    await waitUntil(() => api.hasCondition(`/api/v1/nodes/${this.name}`, 'Ready'), {
      what: `${this.name} is Ready`,
      seconds: READY_SECONDS,
      signal: tools.signal,
    });
  }

  /**
   * Makes the node say that it has GPUs, so that pods which ask for `nvidia.com/gpu` are scheduled and
   * admitted. They see no device. A restarted kubelet forgets them.
   */
  async simulateGpus(count: number, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    const { api } = this.#parts;
    const path = `/api/v1/nodes/${this.name}`;
    const gpus = { 'nvidia.com/gpu': String(count) };
    await api.mergePatch(path, { metadata: { labels } });
    await api.mergePatch(`${path}/status`, { status: { capacity: gpus, allocatable: gpus } });
  }

  #kubelets(): readonly number[] {
    return processesBeside(this.state.pid)
      .filter(({ argv }) => argv[0]?.endsWith('/kubelet') === true)
      .map(({ pid }) => pid);
  }
}
