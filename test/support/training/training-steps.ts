import {
  type TrainingRun,
  trainingRuns,
  trainingRuntimes,
} from '../../../operator/controllers/shared/kinds.ts';
import { type SandboxPod, sandboxPods } from '../../../operator/controllers/shared/pods.ts';
import { isNotFound } from '../../../operator/kube/base/kube-error.ts';
import { findCondition } from '../../../operator/kube/objects/conditions.ts';
import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { BatchBed } from '../batch/batch-bed.ts';

const DIGEST = 'a'.repeat(64);

/** TrainingRuns of a bed as a user makes them, and their pods as a kubelet would. */
export class TrainingSteps {
  readonly #bed: BatchBed;

  constructor(bed: BatchBed) {
    this.#bed = bed;
  }

  /** A TrainingRuntime of the namespace, which trains without GPUs; not the one that runs take which name none. */
  async runtime(name = 'cpu', capabilities: object = {}): Promise<void> {
    const { client, call, namespace } = this.#bed;
    const spec = {
      contract: 'sft/v1',
      capabilities: { methods: ['full'], cpu: true, maxNodes: 4, ...capabilities },
      trainer: { image: `trainer@sha256:${DIGEST}` },
    };
    const options = { ...call, force: true };
    await client.for(trainingRuntimes).apply({ metadata: { name, namespace }, spec }, options);
  }

  async create(name: string, spec: object = {}): Promise<TrainingRun> {
    const { client, call, namespace, node } = this.#bed;
    const { trainer = {}, ...rest } = spec as { trainer?: object };
    const { nodeSelector, tolerations } = node;
    const full = {
      runtimeRef: { kind: 'TrainingRuntime', name: 'cpu' },
      base: { artifact: DIGEST },
      data: { artifact: DIGEST },
      hyper: { maxSteps: 10 },
      trainer: { nodeSelector, tolerations, ...trainer },
      ...rest,
    };
    const options = { ...call, force: true };
    return await client
      .for(trainingRuns)
      .apply({ metadata: { name, namespace }, spec: full }, options);
  }

  async change(name: string, spec: object): Promise<void> {
    const { client, call, namespace } = this.#bed;
    const patch = { type: 'merge', body: { spec } } as const;
    await client.for(trainingRuns).patch({ namespace, name }, patch, call);
  }

  async delete(name: string): Promise<void> {
    const { client, call, namespace } = this.#bed;
    const options = { ...call, propagationPolicy: 'Background' } as const;
    await client.for(trainingRuns).delete({ namespace, name }, options);
  }

  async get(name: string): Promise<TrainingRun | undefined> {
    const { client, call, namespace } = this.#bed;
    try {
      return await client.for(trainingRuns).get({ namespace, name }, call);
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  /** `Status Reason: message`. */
  async condition(name: string, type: string): Promise<string> {
    const found = findCondition((await this.get(name))?.status?.conditions, type);
    return found === undefined ? '' : `${found.status} ${found.reason}: ${found.message}`;
  }

  /** Of the start with that number, by index; those that are not going. */
  async pods(run: TrainingRun, attempt: number): Promise<readonly SandboxPod[]> {
    const { client, call, namespace } = this.#bed;
    const labelSelector = `${LABELS.training}=${run.metadata.uid}`;
    const { items } = await client.for(sandboxPods).list({ namespace, labelSelector }, call);
    return items.filter(({ metadata }) =>
      metadata.ownerReferences?.[0]?.name.endsWith(`-t${attempt}`),
    );
  }

  /** What the kubelet says of a pod: it runs, or its trainer ended with that code. */
  async say(pod: SandboxPod, exitCode: number | undefined, words = ''): Promise<void> {
    const at = new Date().toISOString().replace(/\.\d+/, '');
    const status = (name: string, state: object) => ({
      ...{ name, state, ready: false, restartCount: 0, image: 'i', imageID: '', started: true },
    });
    const ended = (code: number, message = '') => ({
      terminated: { exitCode: code, reason: 'x', message, startedAt: at, finishedAt: at },
    });
    const running = { running: { startedAt: at } };
    const over = exitCode !== undefined;
    const phase = exitCode === undefined ? 'Running' : exitCode === 0 ? 'Succeeded' : 'Failed';
    const body = {
      metadata: { uid: pod.metadata.uid },
      status: {
        phase,
        initContainerStatuses: [
          status('fetch', ended(0)),
          status('report', over ? ended(0) : running),
        ],
        containerStatuses: [status('trainer', over ? ended(exitCode, words) : running)],
      },
    };
    await this.#patch(pod, body);
  }

  /** As a kubelet does with one that is being deleted. */
  async remove(pod: SandboxPod): Promise<void> {
    const { client, call } = this.#bed;
    const { name, namespace } = pod.metadata;
    await client.for(sandboxPods).delete({ name, namespace }, { ...call, gracePeriodSeconds: 0 });
  }

  async #patch({ metadata }: SandboxPod, body: object): Promise<void> {
    const { client, call } = this.#bed;
    const { name, namespace } = metadata;
    const options = { ...call, fieldManager: 'kubelet', subresource: 'status' };
    await client.for(sandboxPods).patch({ name, namespace }, { type: 'merge', body }, options);
  }
}
