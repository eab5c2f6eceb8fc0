import {
  preflightFinding,
  zPreflightPod,
} from '../../../src/engines/kubernetes/preflight-finding.ts';
import {
  ownNode,
  type PreflightCluster,
  preflightPod,
} from '../../../src/engines/kubernetes/preflight-pod.ts';
import { type PodInstallation, serverMark } from '../../../src/engines/kubernetes/settings.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { isAlreadyExists, isNotFound, KubeError } from '../../kube/base/kube-error.ts';
import type { CallOptions, WriteOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { childName } from '../../kube/objects/child-names.ts';
import type { ConditionState } from '../../kube/objects/conditions.ts';
import { zKubeObject } from '../../kube/objects/kube-object.ts';
import { defineResource } from '../../kube/objects/resource.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { refusalWords } from '../shared/next-steps.ts';
import { runCondition } from '../shared/vocabulary.ts';
import { answeringNodePort, type Reach, reachTcp } from './node-port.ts';

/** With its spec: the pods that controllers watch are kept without. */
const pods = defineResource({
  ...{ group: '', version: 'v1', namespaced: true, schema: zKubeObject },
  ...{ kind: 'Pod', plural: 'pods' },
});

/** Network plugins are changed, and nobody tells. */
const FRESH_MS = 60 * 60_000;
const LOOK_MS = 2000;

type Probe =
  | { readonly kind: 'found'; readonly at: number; readonly condition: ConditionState }
  | {
      readonly kind: 'running';
      readonly batchUid: string;
      readonly name: string;
      readonly lookedAt: number;
    };

export interface ProbeOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** What should be tried; undefined: nothing is probed. */
  readonly cluster: PreflightCluster | undefined;
  /** Services of all namespaces may be read, to find a NodePort; default: the batch's namespace alone. */
  readonly wholeCluster?: boolean | undefined;
  readonly reach?: Reach;
}

/**
 * Finds out what sandboxes reach, by one pod a namespace and hour, beside the first batch that needs
 * it (design: rollouts.md 6). No batch waits for it. In memory only: a restart probes once more.
 */
export class NetworkProbe {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #cluster: PreflightCluster | undefined;
  readonly #wholeCluster: boolean;
  readonly #reach: Reach;
  readonly #probes = new Map<string, Probe>();

  constructor({ client, clock, cluster, wholeCluster = false, reach = reachTcp }: ProbeOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#cluster = cluster;
    this.#wholeCluster = wholeCluster;
    this.#reach = reach;
  }

  /** What was found for the batch's namespace; undefined while nothing is known. */
  async finding(
    batch: RolloutBatch,
    installation: PodInstallation,
    call: WriteOptions,
  ): Promise<ConditionState | undefined> {
    if (this.#cluster === undefined) return undefined;
    const key = `${batch.metadata.namespace} ${serverMark(installation.server)}`;
    const known = this.#probes.get(key);
    const now = this.#clock.monotonic();
    if (known?.kind === 'found' && now - known.at < FRESH_MS) return known.condition;
    if (known?.kind !== 'running') {
      this.#probes.set(key, await this.#start(batch, installation, this.#cluster, call));
      return undefined;
    }
    if (now - known.lookedAt < LOOK_MS) return undefined;
    return await this.#look(key, known, batch.metadata.namespace, call);
  }

  /** The batch is over: its probe, if it has one, is brought to its end. False: not yet. */
  async end(batch: RolloutBatch, call: CallOptions): Promise<boolean> {
    for (const [key, probe] of this.#probes) {
      if (probe.kind !== 'running' || probe.batchUid !== batch.metadata.uid) continue;
      await this.#look(key, probe, batch.metadata.namespace, call);
      if (this.#probes.get(key)?.kind === 'running') return false;
    }
    return true;
  }

  async #start(
    batch: RolloutBatch,
    installation: PodInstallation,
    cluster: PreflightCluster,
    call: WriteOptions,
  ): Promise<Probe> {
    const name = childName(batch.metadata, 'preflight');
    const { uid: batchUid = '' } = batch.metadata;
    const now = this.#clock.monotonic();
    const targets = await this.#withNodePort(batch, installation, cluster, call);
    const { apiVersion: _v, kind: _k, ...pod } = preflightPod(name, batch, installation, targets);
    try {
      await this.#client.for(pods).create(pod, call);
    } catch (thrown) {
      if (!(thrown instanceof KubeError)) throw thrown;
      if (thrown.code === 'Forbidden' || thrown.code === 'Invalid') {
        const message = `the network probe could not be made: ${refusalWords(thrown)}`;
        const condition = runCondition('NetworkIsolated', 'Unknown', 'ProbeFailed', message);
        return { kind: 'found', at: now, condition };
      }
      if (!isAlreadyExists(thrown)) throw thrown;
    }
    return { kind: 'running', batchUid, name, lookedAt: now };
  }

  async #withNodePort(
    { metadata }: RolloutBatch,
    { settings }: PodInstallation,
    cluster: PreflightCluster,
    call: CallOptions,
  ): Promise<PreflightCluster> {
    const namespace = this.#wholeCluster ? undefined : metadata.namespace;
    const look = { open: settings.server, reach: this.#reach };
    const nodePort = await answeringNodePort(this.#client, namespace, look, call);
    return nodePort === undefined ? cluster : { ...cluster, nodePort: ownNode(nodePort) };
  }

  async #look(
    key: string,
    probe: Extract<Probe, { kind: 'running' }>,
    namespace: string | undefined,
    call: CallOptions,
  ): Promise<ConditionState | undefined> {
    const now = this.#clock.monotonic();
    const place = { namespace, name: probe.name };
    try {
      const pod = await this.#client.for(pods).get(place, call);
      const found = preflightFinding(zPreflightPod.parse(pod));
      if (found === undefined) {
        this.#probes.set(key, { ...probe, lookedAt: now });
        return undefined;
      }
      const { status, reason, message } = found;
      const condition = runCondition('NetworkIsolated', status, reason, message);
      this.#probes.set(key, { kind: 'found', at: now, condition });
      await deleteObject(this.#client.for(pods), pod, call);
      return condition;
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
      this.#probes.delete(key);
      return undefined;
    }
  }
}
