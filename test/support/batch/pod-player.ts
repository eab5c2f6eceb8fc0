import { type SandboxPod, sandboxPods } from '../../../operator/controllers/shared/pods.ts';
import { systemClock } from '../../../operator/kube/base/clock.ts';
import { isConflict, isNotFound } from '../../../operator/kube/base/kube-error.ts';
import { createCache } from '../../../operator/kube/cache/informer-cache.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { controllerOf } from '../../../operator/kube/objects/owner-references.ts';
import { stampSeconds } from '../../../operator/kube/objects/time-stamps.ts';
import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { MemoryServer } from './memory-server.ts';

const INDEX = 'batch.kubernetes.io/job-completion-index';
const LOOK_MS = 30;

/** What a pod does once it has its row. */
export type Script =
  /** Ends well. */
  | 'work'
  /** Runs until somebody ends it. */
  | 'hang'
  /** Its image is never there. */
  | 'no-image'
  /** Ends without a word to the server, as after a loss of power. */
  | 'vanish'
  /** Is Terminating for ever: its node is lost. */
  | 'lost-node';

export interface PlayerOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly server: MemoryServer;
  /** Asked for each pod once it may start. */
  readonly script: (pod: SandboxPod, phase: 'rollout' | 'verify', index: number) => Script;
}

/**
 * Plays the kubelet and the programs in sandbox pods, by patching the status of pods that the scheduler
 * has placed. Pods come from the real Job controller.
 */
export class PodPlayer implements AsyncDisposable {
  readonly #options: PlayerOptions;
  readonly #stop = new AbortController();
  readonly #call;
  readonly #playing: Promise<unknown>;
  readonly #scripts = new Map<string, Script>();

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#call = { signal: this.#stop.signal, fieldManager: 'kubelet' };
    const cache = createCache({
      client: options.client.for(sandboxPods),
      selection: { namespace: options.namespace, labelSelector: `${LABELS.sandbox}=true` },
      ...{ clock: systemClock, random: Math.random },
    });
    const reading = cache.run(this.#stop.signal);
    this.#playing = Promise.all([reading, this.#play(() => cache.list())]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#playing;
  }

  async #play(pods: () => readonly SandboxPod[]): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const work = pods().map(async (pod) => this.#step(pod));
      for (const result of await Promise.allSettled(work))
        if (result.status === 'rejected' && !this.#stop.signal.aborted)
          if (!isNotFound(result.reason) && !isConflict(result.reason)) throw result.reason;
      await systemClock.sleep(LOOK_MS, this.#stop.signal).catch(() => undefined);
    }
  }

  async #step(pod: SandboxPod): Promise<void> {
    const { phase = 'Pending' } = pod.status ?? {};
    const { uid = '', deletionTimestamp, annotations, labels } = pod.metadata;
    // Others play trainers.
    if (labels?.[LABELS.training] !== undefined) return;
    // A worker of a SynthesisJob only runs until somebody ends it.
    if (labels?.[LABELS.synthesis] !== undefined && deletionTimestamp === undefined) return;
    const script = this.#scripts.get(uid);
    if (deletionTimestamp !== undefined) return await this.#end(pod, script);
    if (phase === 'Succeeded' || phase === 'Failed' || pod.spec?.nodeName === undefined) return;
    if (script === 'hang' || script === 'no-image' || script === 'lost-node') return;
    const job = controllerOf(pod)?.uid ?? '';
    const index = Number(annotations?.[INDEX]);
    const kind = labels?.[LABELS.phase] === 'verify' ? 'verify' : 'rollout';
    if (script === undefined) return await this.#start(pod, job, kind, index);
    if (script === 'vanish') return await this.#vanish(pod);
    this.#options.server.done(job, uid);
    await this.#status(pod, 'Succeeded', containers(kind, 'ended'));
  }

  async #start(
    pod: SandboxPod,
    job: string,
    kind: 'rollout' | 'verify',
    index: number,
  ): Promise<void> {
    const { uid = '' } = pod.metadata;
    const wanted = this.#options.script(pod, kind, index);
    if (wanted === 'no-image') {
      this.#scripts.set(uid, wanted);
      await this.#status(pod, 'Pending', containers(kind, 'no-image'));
      return;
    }
    const answer = this.#options.server.claim(job, index, uid);
    if (answer === 'wait') return;
    if (answer === 'decided') return await this.#status(pod, 'Failed', containers(kind, 'decided'));
    this.#scripts.set(uid, wanted);
    await this.#status(pod, 'Running', containers(kind, 'running'));
  }

  /** As a kubelet: a last status, then the object goes. */
  async #end(pod: SandboxPod, script: Script | undefined): Promise<void> {
    if (script === 'lost-node') return;
    const kind = pod.metadata.labels?.[LABELS.phase] === 'verify' ? 'verify' : 'rollout';
    const { phase } = pod.status ?? {};
    if (phase !== 'Succeeded' && phase !== 'Failed')
      await this.#status(
        pod,
        'Failed',
        containers(kind, script === undefined || script === 'no-image' ? 'unstarted' : 'killed'),
      );
    await this.#remove(pod);
  }

  /** Without the finalizer of the Job controller, which else waits for a last status. */
  async #vanish(pod: SandboxPod): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const body = { metadata: { uid, finalizers: null } };
    await this.#options.client
      .for(sandboxPods)
      .patch({ name, namespace }, { type: 'merge', body }, this.#call);
    await this.#remove(pod);
  }

  async #remove({ metadata }: SandboxPod): Promise<void> {
    const { name, namespace, uid = '' } = metadata;
    const options = { ...this.#call, gracePeriodSeconds: 0, preconditions: { uid } };
    await this.#options.client.for(sandboxPods).delete({ name, namespace }, options);
  }

  async #status(pod: SandboxPod, phase: string, more: object): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const body = { metadata: { uid }, status: { phase, ...more } };
    await this.#options.client
      .for(sandboxPods)
      .patch(
        { name, namespace },
        { type: 'merge', body },
        { ...this.#call, subresource: 'status' },
      );
  }
}

type How = 'running' | 'ended' | 'killed' | 'unstarted' | 'decided' | 'no-image';

/** Statuses of the containers of a sandbox pod, as a kubelet writes them. */
function containers(kind: 'rollout' | 'verify', how: How): object {
  const [first, sidecar, main] =
    kind === 'rollout' ? ['stage', 'companion', 'agent'] : ['fetch', 'report', 'grade'];
  const at = stampSeconds(Date.now());
  const status = (name: string | undefined, state: object) => ({
    ...{ name, state, ready: false, restartCount: 0, image: 'i', imageID: '', started: false },
  });
  const ended = (exitCode: number) => ({
    terminated: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: at,
      finishedAt: at,
    },
  });
  const lost = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } };
  const running = { running: { startedAt: at } };
  const waiting = { waiting: { reason: 'PodInitializing' } };
  const states: Record<How, readonly [object, object, object]> = {
    running: [ended(0), running, running],
    ended: [ended(0), ended(0), ended(0)],
    killed: [ended(0), ended(0), ended(137)],
    unstarted: [lost, lost, lost],
    decided: [ended(42), waiting, waiting],
    'no-image': [
      { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "i"' } },
      waiting,
      waiting,
    ],
  };
  const [one, two, three] = states[how];
  return {
    initContainerStatuses: [status(first, one), status(sidecar, two)],
    containerStatuses: [status(main, three)],
  };
}
