import { canonicalJson } from '../../../src/base/canonical-json.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { ClawError } from '../../../src/base/error.ts';
import type { ClawGymServer, ServerCall } from '../../../src/protocol/claw-gym-server.ts';
import type {
  BatchState,
  PlanBatchBody,
  TaskSourceBody,
} from '../../../src/protocol/operator-api.ts';
import type { Clock } from '../../kube/base/clock.ts';
import type { WriteOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { controllerOf } from '../../kube/objects/owner-references.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { type ReadSource, readTaskSource } from '../shared/task-source.ts';
import { resolveModel } from './model-of.ts';
import type { Hindrance } from './status-input.ts';
import type { VolumeSources } from './volume-source.ts';

/** How often a source that can change is read again, only to say that it has. */
const DRIFT_MS = 5 * 60_000;
/** As `DRIFT_MS`, where reading it costs a pod or a download. */
const DEAR_DRIFT_MS = 60 * 60_000;
const MAX_ARM = 63;

export interface Planned {
  readonly state: BatchState | undefined;
  readonly hindrance: Hindrance | undefined;
  readonly sourceGone: string | undefined;
}

/** What was sent last, and when it was looked at again. */
interface Sent {
  readonly digest: string | undefined;
  readonly generation: number | undefined;
  readonly at: number;
  readonly sourceGone: string | undefined;
}

export interface PlannerOptions {
  readonly client: KubeClient;
  readonly server: Pick<ClawGymServer, 'batch' | 'planBatch'>;
  readonly clock: Clock;
  readonly volumes: Pick<VolumeSources, 'read'>;
}

/** Gets batches planned, once, and looks every now and then whether their source has changed. */
export class Planner {
  readonly #options: PlannerOptions;
  readonly #sent = new Map<string, Sent>();

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  forget(batchUid: string): void {
    this.#sent.delete(batchUid);
  }

  /** Throws `ServerUnavailable` and KubeErrors; what the server refuses is a hindrance. */
  async planned(uid: string, batch: RolloutBatch, call: WriteOptions): Promise<Planned> {
    const state = await this.#options.server.batch(uid, call);
    const last = this.#sent.get(uid);
    const { generation } = batch.metadata;
    const now = this.#options.clock.monotonic();
    const driftMs = driftOf(batch.spec.tasks);
    const old = last === undefined || now - last.at >= driftMs || last.generation !== generation;
    if (state !== undefined && !old) return going(state, last.sourceGone);
    const source = await this.#read(batch, call);
    if (source.kind === 'reading' || source.kind === 'waiting') {
      if (state !== undefined) return going(state, last?.sourceGone);
      return { state, hindrance: await this.#notYet(batch, source, call), sourceGone: undefined };
    }
    if (source.kind === 'problem') {
      if (state === undefined) return stopped(source.reason, source.message);
      const sourceGone = source.message;
      this.#sent.set(uid, { digest: last?.digest, generation, at: now, sourceGone });
      return going(state, sourceGone);
    }
    const model = await resolveModel(this.#options.client, batch, state, call);
    if (model.hindrance !== undefined) {
      if (state !== undefined) return going(state, undefined);
      return { state, hindrance: model.hindrance, sourceGone: undefined };
    }
    const asked = { ...batch, spec: model.spec };
    const digest = sha256(canonicalJson(source.body));
    // Only the server sees what stands behind an address.
    const seen = source.body.kind !== 'url';
    const same = seen && last?.digest === digest && last.generation === generation;
    const planned =
      state !== undefined && same
        ? going(state, undefined)
        : await this.#tell(uid, bodyOf(asked, source.body), state, call);
    if (planned.state !== undefined)
      this.#sent.set(uid, { digest, generation, at: now, sourceGone: undefined });
    return planned;
  }

  /** A model that will never be is told at once, and not when the tasks are there. */
  async #notYet(
    batch: RolloutBatch,
    source: Extract<ReadSource, { kind: 'reading' | 'waiting' }>,
    call: WriteOptions,
  ): Promise<Hindrance> {
    if (source.kind === 'reading' || source.held) return awaitedTasks(source);
    const { hindrance } = await resolveModel(this.#options.client, batch, undefined, call);
    const first =
      hindrance?.kind === 'planning' || (hindrance?.kind === 'waiting' && hindrance.held);
    return first ? hindrance : awaitedTasks(source);
  }

  /** A plan that stands does so whatever the answer is: the server has compared and said no. */
  async #tell(
    uid: string,
    body: PlanBatchBody,
    state: BatchState | undefined,
    call: ServerCall,
  ): Promise<Planned> {
    try {
      return going(await this.#options.server.planBatch(uid, body, call), undefined);
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      return state === undefined ? stopped('PlanRefused', thrown.message) : going(state, undefined);
    }
  }

  async #read(batch: RolloutBatch, call: WriteOptions): Promise<ReadSource> {
    const { client, volumes } = this.#options;
    const { namespace = '' } = batch.metadata;
    const { tasks } = batch.spec;
    if (tasks.persistentVolumeClaim !== undefined)
      return await volumes.read(batch, tasks.persistentVolumeClaim, call);
    return await readTaskSource(client, namespace, tasks, call.signal);
  }
}

function driftOf({ persistentVolumeClaim, url }: RolloutBatch['spec']['tasks']): number {
  return persistentVolumeClaim !== undefined || url !== undefined ? DEAR_DRIFT_MS : DRIFT_MS;
}

/** The server's own no, which the same question would meet again. */
function isRefusal(thrown: unknown): thrown is ClawError {
  return thrown instanceof ClawError && !thrown.retryable && thrown.code !== 'Internal';
}

function awaitedTasks(source: Extract<ReadSource, { kind: 'reading' | 'waiting' }>): Hindrance {
  return source.kind === 'reading' ? source : { ...source, reason: 'WaitingForTasks' };
}

function going(state: BatchState, sourceGone: string | undefined): Planned {
  return { state, hindrance: undefined, sourceGone };
}

function stopped(
  reason: Extract<Hindrance, { kind: 'planning' }>['reason'],
  message: string,
): Planned {
  return {
    state: undefined,
    hindrance: { kind: 'planning', reason, message },
    sourceGone: undefined,
  };
}

function bodyOf(batch: RolloutBatch, source: TaskSourceBody): PlanBatchBody {
  const { name, namespace = '', labels } = batch.metadata;
  const owner = controllerOf(batch);
  return {
    namespace,
    name,
    owner: {
      kind: owner?.kind ?? batch.kind,
      name: owner?.name ?? name,
      arm: (labels?.[ARM_LABEL] ?? name).slice(0, MAX_ARM),
    },
    spec: batch.spec,
    source,
  };
}

const ARM_LABEL = 'clawgym.io/arm';
