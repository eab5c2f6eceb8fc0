import { z } from 'zod';
import { asSha256 } from '../../../src/base/brand.ts';
import {
  type ImportFinding,
  importFinding,
  zImportPod,
} from '../../../src/engines/kubernetes/import-finding.ts';
import { importPod, type VolumeSource } from '../../../src/engines/kubernetes/import-pod.ts';
import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { Shape } from '../../../src/protocol/operator-api.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { isAlreadyExists, isNotFound, KubeError } from '../../kube/base/kube-error.ts';
import type { CallOptions, WriteOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { childName } from '../../kube/objects/child-names.ts';
import { type KubeObject, zKubeObject } from '../../kube/objects/kube-object.ts';
import { controllerOf } from '../../kube/objects/owner-references.ts';
import { defineResource } from '../../kube/objects/resource.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { type ReadSource, sourceProblem } from '../shared/task-source.ts';
import type { InstallationReader } from './installation.ts';
import type { NamespaceKeeper } from './namespace.ts';

const core = { group: '', version: 'v1', namespaced: true } as const;
/** With its spec: the pods that controllers watch are kept without. */
const pods = defineResource({ ...core, kind: 'Pod', plural: 'pods', schema: zKubeObject });
const claims = defineResource({
  ...{ ...core, kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims' },
  schema: zKubeObject.extend({
    status: z.looseObject({ phase: z.string().optional() }).optional(),
  }),
});

/** Somebody may put right what a pod found wrong; it costs a pod to see. */
const AGAIN_MS = 60_000;
const MOST_MS = 600_000;
/** Between two looks at a pod. */
const LOOK_MS = 1500;

/** What a pod of ours asks of a namespace, for the proof that it takes sandbox pods. */
export const PROBE: Shape = {
  ...{ id: 'import', phase: 'verify', image: 'runner', workspacePath: '/workspace' },
  ...{ cpuMillis: 100, memoryMiB: 64, diskMiB: 16, deadlineSeconds: 60, snapshotMiB: 0 },
  ...{ gatewayLossSeconds: 0, verifierMounts: [], writableMounts: [] },
};

/** What is remembered of a batch's volume: nothing of it is needed to be right, only to be cheap. */
interface Known {
  readonly answer: ReadSource;
  readonly until: number;
  readonly failures: number;
}

export interface VolumeSourcesOptions {
  readonly client: KubeClient;
  readonly server: Pick<ClawGymServer, 'expectImport'>;
  readonly clock: Clock;
  readonly installation: Pick<InstallationReader, 'current'>;
  readonly namespaces: Pick<NamespaceKeeper, 'problemOf'>;
}

/**
 * Has the tasks on volumes read, by one pod a batch beside it (design: cluster.md 9). Every look may be
 * the first: the pod's name follows from the batch, and its end says what it stored.
 */
export class VolumeSources {
  readonly #options: VolumeSourcesOptions;
  readonly #known = new Map<string, Known>();
  /** Batches that are over and of which no pod is left. */
  readonly #over = new Set<string>();

  constructor(options: VolumeSourcesOptions) {
    this.#options = options;
  }

  /** The batch is gone; its pod is the garbage collector's. */
  forget(batchUid: string): void {
    this.#known.delete(batchUid);
    this.#over.delete(batchUid);
  }

  /** `reading`: look again soon. KubeErrors and `ServerUnavailable` pass through. */
  async read(batch: RolloutBatch, source: VolumeSource, call: WriteOptions): Promise<ReadSource> {
    const { uid = '' } = batch.metadata;
    const known = this.#known.get(uid);
    const now = this.#options.clock.monotonic();
    if (known !== undefined && now < known.until) return known.answer;
    const pod = await this.#podOf(batch, call);
    const place = placeOf(source);
    if (pod === undefined) {
      const answer = await this.#start(batch, source, place, call);
      return this.#keep(uid, answer, answer.kind === 'problem');
    }
    const found = importFinding(zImportPod.parse(pod));
    if (found.kind === 'waiting') {
      const { namespace = '' } = batch.metadata;
      const body = { namespace, batchUid: uid };
      await this.#options.server.expectImport(pod.metadata.uid ?? '', body, call);
      return this.#keep(uid, reading(`${place}: ${found.message}`), false);
    }
    await deleteObject(this.#options.client.for(pods), pod, call);
    return this.#keep(uid, ended(place, found), true);
  }

  /**
   * The batch is over: a pod that still reads for it is of no use. Looked for once, whoever made it: another
   * process may have ended in between.
   */
  async end(batch: RolloutBatch, call: CallOptions): Promise<void> {
    const { uid = '' } = batch.metadata;
    if (batch.spec.tasks.persistentVolumeClaim === undefined || this.#over.has(uid)) return;
    const pod = await this.#podOf(batch, call).catch((thrown: unknown) => {
      if (thrown instanceof KubeError && thrown.code === 'NotOwned') return undefined;
      throw thrown;
    });
    if (pod !== undefined) await deleteObject(this.#options.client.for(pods), pod, call);
    this.#known.delete(uid);
    this.#over.add(uid);
  }

  /** @param over No pod is there: what was found holds for a while, longer each time that it fails. */
  #keep(uid: string, answer: ReadSource, over: boolean): ReadSource {
    const before = this.#known.get(uid)?.failures ?? 0;
    const failed = over && answer.kind !== 'source';
    const failures = failed ? before + 1 : answer.kind === 'source' ? 0 : before;
    const ms = over ? Math.min(MOST_MS, AGAIN_MS * Math.max(1, failures)) : LOOK_MS;
    this.#known.set(uid, { answer, until: this.#options.clock.monotonic() + ms, failures });
    return answer;
  }

  /** By a live read; one of its name that is not the batch's own is somebody's, and no proof of anything. */
  async #podOf(batch: RolloutBatch, call: CallOptions): Promise<KubeObject | undefined> {
    const place = { namespace: batch.metadata.namespace, name: nameOf(batch) };
    try {
      const pod = await this.#options.client.for(pods).get(place, call);
      if (controllerOf(pod)?.uid === batch.metadata.uid) return pod;
      throw new KubeError(
        'NotOwned',
        `pod ${place.namespace}/${place.name} is not of batch ${batch.metadata.name}: delete it`,
      );
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  async #start(
    batch: RolloutBatch,
    source: VolumeSource,
    place: string,
    call: WriteOptions,
  ): Promise<ReadSource> {
    const missing = await this.#claimProblem(batch, source, place, call);
    if (missing !== undefined) return missing;
    const { client, installation, namespaces } = this.#options;
    const { pods: given } = await installation.current(call);
    const refused = await namespaces.problemOf(batch, PROBE, given, call);
    if (refused !== undefined) return { kind: 'problem', ...refused };
    const { apiVersion: _v, kind: _k, ...pod } = importPod(nameOf(batch), batch, given, source);
    try {
      await client.for(pods).create(pod, call);
    } catch (thrown) {
      if (!(thrown instanceof KubeError)) throw thrown;
      if (thrown.code === 'Forbidden' || thrown.code === 'Invalid')
        return sourceProblem(
          'PodRefused',
          `${place}: the pod that reads it was refused: ${thrown.message}`,
        );
      if (!isAlreadyExists(thrown)) throw thrown;
    }
    return reading(`${place}: its pod is made`);
  }

  /** A claim that is not bound yet may wait for its first pod. */
  async #claimProblem(
    { metadata: { namespace } }: RolloutBatch,
    { claimName }: VolumeSource,
    place: string,
    call: CallOptions,
  ): Promise<ReadSource | undefined> {
    const name = `PersistentVolumeClaim ${namespace}/${claimName}`;
    try {
      const claim = await this.#options.client
        .for(claims)
        .get({ namespace, name: claimName }, call);
      if (claim.status?.phase !== 'Lost') return undefined;
      return sourceProblem('SourceRefused', `${place}: ${name} has lost its volume; bind it anew`);
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
      return sourceProblem('SourceNotFound', `${place}: there is no ${name}; create it`);
    }
  }
}

function ended(place: string, found: Exclude<ImportFinding, { kind: 'waiting' }>): ReadSource {
  if (found.kind === 'done') {
    return { kind: 'source', body: { kind: 'digest', digest: asSha256(found.digest) } };
  }
  const message = `${place}: ${found.message}`;
  if (found.kind === 'again') return reading(`${message}; it is read again in a minute`);
  return sourceProblem(found.notFound ? 'SourceNotFound' : 'SourceRefused', message);
}

const reading = (message: string): ReadSource => ({ kind: 'reading', message });

const nameOf = (batch: RolloutBatch): string => childName(batch.metadata, 'import');

function placeOf({ claimName, path }: VolumeSource): string {
  return `spec.tasks.persistentVolumeClaim: ${claimName}, path ${JSON.stringify(path)}`;
}
