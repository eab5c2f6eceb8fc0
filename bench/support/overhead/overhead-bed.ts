import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ClawError } from '../../../src/base/error.ts';
import type { NodeLayer } from '../../../test/cluster/node/node-layer.ts';
import { waitUntil } from '../../../test/cluster/wait-until.ts';
import { type Installation, RELEASE } from '../../../test/support/installation.ts';
import { connect } from '../kube.ts';
import { bareJob, bundleOf, type Phase, type ProductJob, productJobs } from './bare-jobs.ts';
import { prepareBareNamespace } from './bare-namespace.ts';
import type { RecordedClaims } from './claim-tape.ts';
import { PodCpu } from './pod-cpu.ts';
import { PodWatch } from './pod-watch.ts';
import { type ClusterParts, RunClock } from './run-clock.ts';
import type { RunFigures } from './run-figures.ts';

const KEY = 'tasks.jsonl';
const BARE = 'bare';
const PHASES: readonly Phase[] = ['rollout', 'verify'];
const API = 'clawgym.io/v1alpha1';
const RUN_SECONDS = 600;
const GONE_SECONDS = 120;
/** How often both sides are asked whether they are complete. */
const POLL_MS = 200;
/** What a run leaves behind on the nodes is over by then. */
const SETTLE_MS = 3000;

const zRun = z.object({
  metadata: z.object({ name: z.string(), uid: z.string() }),
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish() })
    .nullish(),
});
const zPods = z.object({ items: z.array(zRun.omit({ status: true })) });

/** How large a run is. */
export interface RunSize {
  readonly rollouts: number;
  readonly parallelism: number;
}

export interface ProductRun {
  readonly figures: RunFigures;
  /** Uid of the RolloutBatch. */
  readonly uid: string;
  /** One of each phase, as the API server had them. */
  readonly jobs: ReadonlyMap<Phase, ProductJob>;
}

export interface BareRun {
  readonly figures: RunFigures;
  /** Name of the Job of each phase. */
  readonly jobs: ReadonlyMap<Phase, string>;
}

/** An installation and a bare namespace beside it, on nodes whose pods are measured. */
export class OverheadBed implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #layer: NodeLayer;
  readonly #cpu: PodCpu;
  readonly #watches: Readonly<Record<'product' | 'bare', PodWatch>>;
  readonly #namespace: string;
  readonly #parts: ClusterParts;

  private constructor(
    stack: AsyncDisposableStack,
    layer: NodeLayer,
    namespace: string,
    parts: ClusterParts,
  ) {
    const client = connect(layer.cluster.kubeconfigPath);
    this.#stack = stack;
    this.#layer = layer;
    this.#namespace = namespace;
    this.#parts = parts;
    this.#cpu = stack.use(new PodCpu(layer));
    this.#watches = {
      product: stack.use(new PodWatch(client, namespace)),
      bare: stack.use(new PodWatch(client, BARE)),
    };
  }

  static async open(layer: NodeLayer, installation: Installation): Promise<OverheadBed> {
    const { namespace } = installation;
    const { items } = zPods.parse(await layer.api.get(`/api/v1/namespaces/${namespace}/pods`));
    const own = ['server', 'operator'].flatMap((program) => {
      const found = items.find(({ metadata }) => metadata.name.startsWith(`${RELEASE}-${program}`));
      return found === undefined ? [] : [[program, found.metadata.uid] as const];
    });
    const programs = await layer.cluster.programs();
    const processes = programs.filter(({ running }) => running).map(({ pid }) => pid);
    const parts = { own: new Map(own), processes };
    return new OverheadBed(new AsyncDisposableStack(), layer, namespace, parts);
  }

  /** A namespace that nobody watches, with what the operator has prepared in its own by now. */
  async prepareBare(): Promise<void> {
    await prepareBareNamespace(this.#layer.api, this.#namespace, BARE);
  }

  /** A RolloutBatch of `nop`, so many samples of one task, from its creation to `Complete`. */
  async product(name: string, task: string, size: RunSize): Promise<ProductRun> {
    const { api } = this.#layer;
    const metadata = { name, namespace: this.#namespace };
    const data = { [KEY]: `${task}\n` };
    await api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    const clock = this.#clock('product');
    const { rollouts: samples, parallelism } = size;
    const spec = {
      tasks: { configMap: { name, key: KEY } },
      ...{ agent: { name: 'nop' }, samples, parallelism },
    };
    await api.create({ apiVersion: API, kind: 'RolloutBatch', metadata, spec });
    const jobs = new Map<Phase, ProductJob>();
    const path = `/apis/${API}/namespaces/${this.#namespace}/rolloutbatches/${name}`;
    const batch = await this.#complete(path, async () => {
      if (jobs.size === PHASES.length) return;
      for (const [phase, job] of await productJobs(api, this.#namespace)) jobs.set(phase, job);
    });
    const figures = clock.stop();
    await this.#gone(this.#namespace);
    return { figures: figures(), uid: batch.metadata.uid, jobs };
  }

  /**
   * The same pods with nobody behind them: an Indexed Job of rollout pods, then one of verify pods, from
   * the creation of the first to the end of the second.
   *
   * @param read Told of the Jobs before they and their logs go.
   */
  async bare(
    name: string,
    claims: RecordedClaims,
    templates: ReadonlyMap<Phase, ProductJob>,
    size: RunSize,
    read: (run: BareRun['jobs']) => Promise<void>,
  ): Promise<RunFigures> {
    const { api } = this.#layer;
    await api.create(bundleOf(name, BARE, claims));
    const clock = this.#clock('bare');
    const names = new Map<Phase, string>();
    for (const phase of PHASES) {
      const template = templates.get(phase);
      if (template === undefined) throw new ClawError('Internal', `no ${phase} Job was seen`);
      const job = bareJob(template, {
        ...{ name: `${name}-${phase}`, namespace: BARE, bundle: name },
        ...{ count: size.rollouts, parallelism: size.parallelism },
      });
      names.set(phase, job.metadata.name);
      await api.create(job);
      await this.#complete(`/apis/batch/v1/namespaces/${BARE}/jobs/${job.metadata.name}`);
    }
    const figures = clock.stop();
    await read(names);
    for (const job of names.values()) {
      const path = `/apis/batch/v1/namespaces/${BARE}/jobs/${job}`;
      await api.remove(path, { propagationPolicy: 'Background' });
    }
    await this.#gone(BARE);
    return figures();
  }

  /** What a container of each of a bare Job's pods has printed. */
  async printed(job: string, container: string): Promise<readonly string[]> {
    const { api } = this.#layer;
    const path = `/api/v1/namespaces/${BARE}/pods`;
    const { items } = zPods.parse(await api.get(`${path}?labelSelector=job-name%3D${job}`));
    return await Promise.all(
      items.map(({ metadata }) => api.text(`${path}/${metadata.name}/log?container=${container}`)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  #clock(side: 'product' | 'bare'): RunClock {
    return new RunClock(this.#cpu, this.#watches[side], this.#parts);
  }

  async #complete(path: string, seen?: () => Promise<void>): Promise<z.infer<typeof zRun>> {
    const until = performance.now() + RUN_SECONDS * 1000;
    for (;;) {
      await seen?.();
      const run = zRun.parse(await this.#layer.api.get(path));
      const holding = (run.status?.conditions ?? []).filter(({ status }) => status === 'True');
      if (holding.some(({ type }) => type === 'Complete')) return run;
      const failed = holding.some(({ type }) => type === 'Failed');
      if (failed || performance.now() > until) {
        const why = failed ? 'it failed' : `not so within ${RUN_SECONDS} s`;
        throw new ClawError('Timeout', `${path} is Complete: ${why}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** All pods of runs, and with them what they cost the nodes. */
  async #gone(namespace: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=clawgym.io%2Fsandbox`;
    await waitUntil(async () => zPods.parse(await this.#layer.api.get(path)).items.length === 0, {
      what: `the pods of runs in ${namespace} are gone`,
      seconds: GONE_SECONDS,
    });
    await sleep(SETTLE_MS);
  }
}
