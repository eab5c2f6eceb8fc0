import type { RuntimeRef } from '../../../../src/api/runtime-ref.ts';
import type { Sha256 } from '../../../../src/base/brand.ts';
import { policyIngress } from '../../../../src/engines/kubernetes/policy-ingress.ts';
import { type PolicyPod, policyPod } from '../../../../src/engines/kubernetes/policy-pod.ts';
import { type PodInstallation, serverMark } from '../../../../src/engines/kubernetes/settings.ts';
import type { PolicyPodState } from '../../../../src/protocol/policy-api.ts';
import type { PolicyServing } from '../../../../src/protocol/policy-server.ts';
import type { Clock } from '../../../kube/base/clock.ts';
import { isNotFound, KubeError } from '../../../kube/base/kube-error.ts';
import type { NewObject, WriteOptions } from '../../../kube/client/resource-client.ts';
import type { KubeClient } from '../../../kube/client/typed-client.ts';
import { childName } from '../../../kube/objects/child-names.ts';
import type { ConditionState } from '../../../kube/objects/conditions.ts';
import type { KubeObject } from '../../../kube/objects/kube-object.ts';
import { controllerOf } from '../../../kube/objects/owner-references.ts';
import { createOwned } from '../../../kube/writes/create-owned.ts';
import { deleteObject } from '../../../kube/writes/delete-object.ts';
import { networkPolicies } from '../kube-kinds.ts';
import { runCondition } from '../vocabulary.ts';
import { failureOf, lentPolicy, type PolicyStep, planPolicy } from './plan-policy.ts';
import {
  type PolicyPodFact,
  type PolicyPodObject,
  policyPodFact,
  policyPods,
} from './policy-fact.ts';
import { readPolicyRuntime } from './policy-runtime.ts';

/** A model of ours that the runs of an owner are to be answered by. */
export interface PolicyWanted {
  readonly model: Sha256;
  readonly version: number;
  /** Name that agents ask for. */
  readonly name: string;
  readonly runtimeRef: RuntimeRef | undefined;
  /** Uids of the RolloutBatches of the owner that the pod answers; absent: the owner is the batch itself. */
  readonly batches?: readonly string[] | undefined;
  /** Absent: nvidia.com/gpu. */
  readonly gpuResource?: string | undefined;
}

export interface PolicyLook {
  readonly served: boolean;
  readonly condition: ConditionState;
}

export interface PolicyPodsOptions {
  readonly client: KubeClient;
  readonly server: PolicyServing;
  readonly clock: Clock;
}

const GPU = 'nvidia.com/gpu';
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 600_000;
const REFUSALS: ReadonlySet<string> = new Set(['Forbidden', 'Invalid', 'NotOwned']);

interface Failures {
  readonly count: number;
  readonly words: string;
  readonly at: number;
}

/**
 * The pods that serve models of ours, one an owner (design: cluster.md 11). Every look may be the first: the
 * pod's name follows from its owner, and the server is told anew each time. What is remembered only spares
 * pods that would fail again.
 */
export class PolicyPods {
  readonly #options: PolicyPodsOptions;
  readonly #failures = new Map<string, Failures>();
  /** Owners of which no pod is left. */
  readonly #ended = new Set<string>();

  constructor(options: PolicyPodsOptions) {
    this.#options = options;
  }

  /** The owner is gone; its pod is the garbage collector's. */
  forget(ownerUid: string): void {
    this.#failures.delete(ownerUid);
    this.#ended.delete(ownerUid);
  }

  /**
   * Takes the next step for a model that is to be served, in a namespace that sandbox pods may run in.
   * KubeErrors and `ServerUnavailable` pass through.
   */
  async look(
    owner: KubeObject,
    wanted: PolicyWanted,
    installation: PodInstallation,
    call: WriteOptions,
  ): Promise<PolicyLook> {
    const { uid = '' } = owner.metadata;
    this.#ended.delete(uid);
    const pod = await this.#podOf(owner, call);
    const fact = pod && policyPodFact(pod, serverMark(installation.server));
    const first = this.#plan(uid, wanted, fact, undefined);
    if (first.do === 'create') return await this.#create(owner, wanted, installation, first, call);
    if (pod === undefined || fact === undefined || first.do === 'nothing') return first;
    const told = first.do === 'tell';
    const step = told
      ? this.#plan(uid, wanted, fact, await this.#tell(owner, wanted, fact, call))
      : first;
    if (step.do === 'delete') {
      this.#note(uid, fact);
      await deleteObject(this.#options.client.for(policyPods), pod, call);
    }
    if (step.served) this.#failures.delete(uid);
    return step;
  }

  /** What answers a batch that another owner has a pod for, as a reinforcement run for its steps. */
  async lent(batch: KubeObject, wanted: PolicyWanted, call: WriteOptions): Promise<PolicyLook> {
    const { uid = '' } = batch.metadata;
    const { name, model } = wanted;
    const word = await this.#options.server.policyOf(uid, { name, model }, call);
    return lentPolicy(word, model, controllerOf(batch));
  }

  /** No model is to be served any more. Looked for once, whoever made it. */
  async end(owner: KubeObject, call: WriteOptions): Promise<void> {
    const { uid = '' } = owner.metadata;
    if (this.#ended.has(uid)) return;
    const pod = await this.#podOf(owner, call).catch((thrown: unknown) => {
      if (thrown instanceof KubeError && thrown.code === 'NotOwned') return undefined;
      throw thrown;
    });
    if (pod !== undefined) await deleteObject(this.#options.client.for(policyPods), pod, call);
    await this.#options.server.endPolicies(uid, call);
    this.#failures.delete(uid);
    this.#ended.add(uid);
  }

  #plan(
    uid: string,
    { model }: PolicyWanted,
    pod: PolicyPodFact | undefined,
    word: PolicyPodState | undefined,
  ): PolicyStep {
    const known = this.#failures.get(uid);
    const now = this.#options.clock.monotonic();
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** ((known?.count ?? 1) - 1));
    const failed = known && {
      words: failureOf(known.words),
      waitMs: known.count === 0 ? 0 : Math.max(0, known.at + pause - now),
    };
    return planPolicy({ model: `sha256:${model.slice(0, 12)}`, pod, word, failed });
  }

  #note(uid: string, pod: PolicyPodFact | undefined): void {
    if (pod?.ended === undefined) return;
    const { words, waits } = pod.ended;
    const count = waits ? 0 : (this.#failures.get(uid)?.count ?? 0) + 1;
    this.#failures.set(uid, { count, words, at: this.#options.clock.monotonic() });
  }

  /** By a live read; one of its name that is not the owner's own is somebody's, and nothing is told of it. */
  async #podOf(owner: KubeObject, call: WriteOptions): Promise<PolicyPodObject | undefined> {
    const place = { namespace: owner.metadata.namespace, name: nameOf(owner) };
    try {
      const pod = await this.#options.client.for(policyPods).get(place, call);
      if (controllerOf(pod)?.uid === owner.metadata.uid) return pod;
      throw new KubeError(
        'NotOwned',
        `pod ${place.namespace}/${place.name} is not of ${owner.kind} ${owner.metadata.name}: delete it`,
      );
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  async #create(
    owner: KubeObject,
    wanted: PolicyWanted,
    installation: PodInstallation,
    step: PolicyStep,
    call: WriteOptions,
  ): Promise<PolicyLook> {
    const { client } = this.#options;
    const { namespace = '' } = owner.metadata;
    const found = await readPolicyRuntime(client, namespace, wanted.runtimeRef, call);
    if ('problem' in found) {
      const { reason, message } = found.problem;
      return { served: false, condition: runCondition('ModelServed', 'False', reason, message) };
    }
    const pod = policyPod({
      ...{ name: nameOf(owner), owner, runtime: found.runtime, installation },
      ...{ model: wanted.name, version: wanted.version },
      gpuResource: wanted.gpuResource ?? GPU,
    });
    try {
      await this.#apply(namespace, installation, call);
      await createOwned(client.for(policyPods), newPod(pod), owner, call);
      return step;
    } catch (thrown) {
      if (!(thrown instanceof KubeError) || !REFUSALS.has(thrown.code)) throw thrown;
      const message = `the policy pod was refused: ${thrown.message}`;
      const condition = runCondition('ModelServed', 'False', 'PodRefused', message);
      return { served: false, condition };
    }
  }

  /** Before the first pod: without it the server could not call it. */
  async #apply(
    namespace: string,
    { settings }: PodInstallation,
    call: WriteOptions,
  ): Promise<void> {
    const policy = policyIngress(namespace, settings.server);
    await this.#options.client.for(networkPolicies).apply({ ...policy }, { ...call, force: true });
  }

  async #tell(
    owner: KubeObject,
    { name, model, version, batches = [] }: PolicyWanted,
    pod: PolicyPodFact,
    call: WriteOptions,
  ): Promise<PolicyPodState> {
    const { namespace = '', uid = '' } = owner.metadata;
    const body = { namespace, owner: uid, name, model, version, batches: [...batches] };
    return await this.#options.server.policyPod(pod.uid, body, call);
  }
}

function newPod({ apiVersion: _v, kind: _k, ...pod }: PolicyPod): NewObject<PolicyPodObject> {
  return pod;
}

const nameOf = (owner: KubeObject): string => childName(owner.metadata, 'policy');
