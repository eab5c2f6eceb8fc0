import { type CircleObject, standOf } from '../../scripts/full-circle/cluster/circle-objects.ts';
import type { Kubectl } from '../../scripts/full-circle/cluster/kubectl.ts';
import { MODELS } from '../../scripts/full-circle/cluster/model-objects.ts';
import {
  type ClusterCircle,
  type ClusterCircleOptions,
  runInCluster,
} from '../../scripts/full-circle/cluster/run-in-cluster.ts';
import { RUNTIMES, runtimeObjects } from '../../scripts/full-circle/cluster/runtimes.ts';
import { openCluster } from '../../src/cli/cluster/cluster-session.ts';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import { clusterEnvironment } from '../../test/cluster/cluster-environment.ts';
import { waitUntil } from '../../test/cluster/wait-until.ts';
import { Installation } from '../../test/support/installation.ts';
import { leftIn, type Placed, placedPods } from './small-circle.ts';
import { openTrainerLayer } from './trainer-layer.ts';
import { trainerPython } from './trainer-python.ts';

const NAMESPACE = 'circle';
const GPU_LABEL = { 'nvidia.com/gpu.present': 'true' };
/** Of agents: they ask once and write a file, and many fit on a node. */
const SIZES = ['sandbox.defaults.resources.cpu=1000m', 'sandbox.defaults.resources.memory=256Mi'];

/** Two nodes, one of which says that it has GPUs, with an installation and runtimes that lead there. */
export class CircleBed implements AsyncDisposable {
  static readonly gpuNode = 'node-2';
  /** Pods that were seen, by name. */
  readonly trainers = new Map<string, Placed>();
  readonly policies = new Map<string, Placed>();
  /** What objects said while they were not planned yet, by kind and name. */
  readonly waits = new Map<string, string>();
  readonly kubectl: Kubectl;
  readonly #kubeconfig: string;
  readonly #owned: AsyncDisposableStack;

  private constructor(installation: Installation, owned: AsyncDisposableStack) {
    this.kubectl = (args, input) => installation.kubectl(args, input);
    this.#kubeconfig = installation.cluster.kubeconfigPath;
    this.#owned = owned;
  }

  static async open(): Promise<CircleBed> {
    await using open = new AsyncDisposableStack();
    const { cluster, layer, image } = await openTrainerLayer(open, await trainerPython());
    const installation = open.use(await Installation.open(cluster, NAMESPACE, SIZES));
    await layer.node(CircleBed.gpuNode).simulateGpus(4, GPU_LABEL);
    const runtimes = runtimeObjects({ image, gpus: 1, nodeSelector: GPU_LABEL });
    await installation.kubectl(['apply', '--filename', '-'], JSON.stringify(runtimes));
    return new CircleBed(installation, open.move());
  }

  async run(
    work: string,
    settings: Pick<ClusterCircleOptions, 'sizes' | 'change'>,
  ): Promise<ClusterCircle> {
    const { signal } = new AbortController();
    const flags = { namespace: NAMESPACE, kubeconfig: this.#kubeconfig };
    await using session = await openCluster(flags, clusterEnvironment(), signal);
    return await runInCluster({
      ...{ kubectl: this.kubectl, session, work, seed: 0, signal, ...settings },
      looked: (objects) => this.#look(objects),
      print: (line) => void process.stdout.write(`${line}\n`),
    });
  }

  /** Deletes what was applied, and waits until what it had made is gone too. */
  async remove(manifests: string): Promise<void> {
    const now = '--ignore-not-found';
    await this.kubectl(['delete', '--filename', manifests, now]);
    await this.kubectl(['delete', 'deployment,service,configmap,secret', MODELS, now]);
    await this.kubectl(['delete', 'trainingruntimes', ...RUNTIMES, now]);
    const empty = async () => (await leftIn(this.kubectl)).length === 0;
    const what = 'nothing of the circle is left';
    await waitUntil(empty, { what, seconds: 180 }).catch((thrown: unknown) => {
      process.stderr.write(`${String(thrown)}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  async #look(objects: readonly CircleObject[]): Promise<void> {
    for (const object of objects) {
      const planned = object.status.conditions.find(({ type }) => type === 'Planned');
      const waits = planned !== undefined && planned.status !== 'True';
      if (waits && /(SynthesisJob|RolloutBatch|TrainingRun) \S+/.test(standOf(object)))
        this.waits.set(`${object.kind} ${object.metadata.name}`, standOf(object));
    }
    for (const pod of await placedPods(this.kubectl, LABELS.training)) {
      this.trainers.set(pod.name, pod);
    }
    for (const pod of await placedPods(this.kubectl, LABELS.policy)) {
      this.policies.set(pod.name, pod);
    }
  }
}
