import { asSha256 } from '../../../src/base/brand.ts';
import { ClawError } from '../../../src/base/error.ts';
import { serverMark } from '../../../src/engines/kubernetes/settings.ts';
import { synthesisWorkerJob } from '../../../src/engines/kubernetes/synthesis-worker-job.ts';
import type { SynthesisState } from '../../../src/protocol/synthesis-server.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import { DONE, type ReconcileResult } from '../../kube/controller/reconcile.ts';
import { keyOf, type ObjectKey } from '../../kube/objects/object-key.ts';
import { createOwned } from '../../kube/writes/create-owned.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import type { StatusWriter } from '../../kube/writes/status-writer.ts';
import { earliest, msUntilExpiry } from '../benchrun/deadlines.ts';
import type { Installation } from '../rolloutbatch/installation.ts';
import { withDefaults } from '../rolloutbatch/resources.ts';
import { type ShortageReader, shortJob } from '../rolloutbatch/shortage.ts';
import { PROBE } from '../rolloutbatch/volume-source.ts';
import {
  type RolloutBatch,
  rolloutBatches,
  type SynthesisJob,
  synthesisJobs,
} from '../shared/kinds.ts';
import { type Job, jobs } from '../shared/kube-kinds.ts';
import { isGoing, isOver } from '../shared/life.ts';
import { FIELD_MANAGER } from '../shared/marks.ts';
import { refusalWords, STORE_FULL } from '../shared/next-steps.ts';
import { serverProblem } from '../shared/server-problem.ts';
import { transitionNotes } from '../shared/transition-notes.ts';
import type { SynthesisParts } from './controller.ts';
import { ofBatches, ofServer, ofWorkerPods } from './hindrance.ts';
import { gateBatch, hasFailed, planSynthesis, type SynthesisPlan } from './plan.ts';
import { readSeeds } from './seeds.ts';
import { endedStatus, type Hindrance, type StatusView, synthesisStatus } from './status.ts';
import { sameSteering, steeringMark, steeringOf } from './steering.ts';

export interface ReconcilerParts extends SynthesisParts {
  readonly clock: Clock;
  readonly tickMs: number;
  readonly shortages: ShortageReader;
  readonly status: StatusWriter<SynthesisJob>;
}

/** What somebody has to put right is looked at again after so long. */
const BLOCKED_MS = 30_000;
/** Answers that time alone does not change: a name that is taken, a right that is missing. */
const REFUSALS: ReadonlySet<string> = new Set(['NotOwned', 'Forbidden', 'Invalid']);
const ANY_ROUND = { run: 'nop', agent: 'nop', samples: 1, trial: false } as const;

/** One look at one job. Everything that it decides on is read anew: it remembers only who is gone. */
export class SynthesisReconciler {
  readonly #parts: ReconcilerParts;
  /** Uids of the jobs that were seen, by key: of a deleted one the server is told. */
  readonly #seen = new Map<string, string>();

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const job = this.#parts.world.synthesis.get(key);
    const place = `${key.namespace}/${key.name}`;
    const before = this.#seen.get(place);
    const uid = job?.metadata.uid;
    if (before !== undefined && (before !== uid || job === undefined || isGoing(job))) {
      await this.#deleted(before, signal);
      this.#seen.delete(place);
    }
    if (job === undefined || uid === undefined || isGoing(job)) return DONE;
    if (isOver(job)) return await this.#ended(job, signal);
    this.#seen.set(place, uid);
    return await this.#steer(job, uid, signal);
  }

  async #deleted(uid: string, signal: AbortSignal): Promise<void> {
    this.#parts.shortages.forget(uid);
    await this.#parts.server.cancel(uid, 'Deleted', { signal }).catch((thrown: unknown) => {
      const unknown = thrown instanceof ClawError && thrown.code === 'NotFound';
      if (!unknown) throw thrown;
    });
  }

  async #steer(job: SynthesisJob, uid: string, signal: AbortSignal): Promise<ReconcileResult> {
    let planned: SynthesisState | Pick<StatusView, 'problem'>;
    let installation: Installation;
    try {
      installation = await this.#parts.installation.current({ signal });
      planned = await this.#planned(job, uid, signal);
    } catch (thrown) {
      if (!(thrown instanceof ClawError) || !thrown.retryable) throw thrown;
      const problem = serverProblem(thrown);
      await this.#write({ job, state: undefined, problem, still: false }, signal);
      throw thrown;
    }
    if (!('uid' in planned)) {
      const wait = await this.#write({ job, state: undefined, ...planned, still: true }, signal);
      return earliest(wait, BLOCKED_MS);
    }
    return await this.#carry(job, planned, installation, signal);
  }

  /** The job as the server keeps it; or why it keeps none. */
  async #planned(
    job: SynthesisJob,
    uid: string,
    signal: AbortSignal,
  ): Promise<SynthesisState | Required<Pick<StatusView, 'problem'>>> {
    const { client, server } = this.#parts;
    const known = await server.state(uid, { signal });
    if (known !== undefined) {
      const steering = steeringOf(job);
      if (sameSteering(known.steering, steering)) return known;
      await server.steer(uid, steering, { signal });
      return { ...known, steering };
    }
    const read = await readSeeds(client, job, signal);
    if (read.kind === 'problem')
      return { problem: { reason: 'SeedsNotFound', message: read.message } };
    const { namespace = '', name } = job.metadata;
    const { spec } = job;
    try {
      return await server.plan(uid, { namespace, name, spec, seeds: read.seeds }, { signal });
    } catch (thrown) {
      if (!(thrown instanceof ClawError) || thrown.retryable) throw thrown;
      return { problem: { reason: 'PlanRefused', message: thrown.message } };
    }
  }

  async #carry(
    job: SynthesisJob,
    state: SynthesisState,
    installation: Installation,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { clock, world, tickMs } = this.#parts;
    const { uid = '' } = job.metadata;
    const worker = world.jobs.byIndex('owner', uid)[0];
    const batches = world.batches.byIndex('owner', uid);
    const held = await this.#held(job, state, installation, signal);
    const mark = serverMark(installation.pods.server);
    const plan = planSynthesis(
      { job, state, worker, batches, serverMark: mark, held: held !== undefined },
      clock.now(),
    );
    const refusal = await this.#carryOut(job, state, plan, worker, installation, signal);
    const hindrance =
      refused(refusal) ?? held ?? (await this.#hindrance(job, state, worker, batches, signal));
    const cancelled = plan.cancel ?? state.cancelled;
    const now = { ...state, ...(cancelled !== undefined && { cancelled }) };
    const wait = await this.#write({ job, state: now, hindrance, still: plan.still }, signal);
    const left = plan.deadline === undefined ? undefined : plan.deadline - clock.now();
    return earliest(wait, left, tickMs);
  }

  /** Why nothing new may start. */
  async #held(
    job: SynthesisJob,
    state: SynthesisState,
    { info, pods }: Installation,
    signal: AbortSignal,
  ): Promise<Hindrance | undefined> {
    if (state.result !== undefined || state.cancelled !== undefined || job.spec.suspend)
      return undefined;
    if (info.storeFull) return { reason: 'StoreFull', message: STORE_FULL };
    if (state.modelHold !== undefined) return ofServer(state);
    const call = { signal, fieldManager: FIELD_MANAGER };
    const batch = this.#anyBatch(job);
    const problem = await this.#parts.namespaces.problemOf(batch, PROBE, pods, call);
    return problem && { reason: 'NamespaceNotReady', message: problem.message };
  }

  /** A gate run of the job as a whole object: what the namespace must take. */
  #anyBatch(job: SynthesisJob): RolloutBatch {
    const round = { ...ANY_ROUND, taskSet: asSha256('0'.repeat(64)) };
    const { metadata, spec } = gateBatch(job, round, `${job.metadata.name}-gate`);
    const { uid } = job.metadata;
    const whole = { apiVersion: job.apiVersion, kind: 'RolloutBatch', spec };
    return withDefaults({ ...whole, metadata: { ...metadata, uid } }, this.#parts.sandboxDefaults);
  }

  /** What the API server will not do is returned: it belongs into the status first. */
  async #carryOut(
    job: SynthesisJob,
    state: SynthesisState,
    plan: SynthesisPlan,
    worker: Job | undefined,
    installation: Installation,
    signal: AbortSignal,
  ): Promise<KubeError | undefined> {
    const { server } = this.#parts;
    const { uid = '' } = job.metadata;
    if (plan.cancel !== undefined) await server.cancel(uid, plan.cancel, { signal });
    try {
      await this.#carryWorker(job, state, plan, worker, installation, signal);
      await this.#carryBatches(job, plan, signal);
    } catch (thrown) {
      if (thrown instanceof KubeError && REFUSALS.has(thrown.code)) return thrown;
      throw thrown;
    }
    for (const { round, uid: batch } of plan.tellBatches)
      await server.gateBatchCreated(uid, round, batch, { signal });
    return undefined;
  }

  async #carryWorker(
    job: SynthesisJob,
    state: SynthesisState,
    plan: SynthesisPlan,
    worker: Job | undefined,
    { pods }: Installation,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, server, world } = this.#parts;
    const { uid = '' } = job.metadata;
    const call = { signal, fieldManager: FIELD_MANAGER };
    if (plan.tellWorker !== undefined) await server.workerCreated(uid, plan.tellWorker, { signal });
    // Its pods go first: two workers of one job would only be in each other's way.
    if (plan.worker === 'remove' && worker !== undefined)
      await deleteObject(client.for(jobs), worker, { signal, propagationPolicy: 'Foreground' });
    if (plan.worker !== 'make') return;
    const { sandbox } = this.#anyBatch(job).spec;
    const {
      apiVersion: _v,
      kind: _k,
      ...wanted
    } = synthesisWorkerJob({
      ...{ owner: job, sandbox, installation: pods },
      steeringMark: steeringMark(state.steering),
    });
    const made = await createOwned(client.for(jobs), wanted, job, call);
    world.writtenJobs.record(keyOf(job), made);
    if (made.metadata.uid !== undefined)
      await server.workerCreated(uid, made.metadata.uid, { signal });
  }

  async #carryBatches(job: SynthesisJob, plan: SynthesisPlan, signal: AbortSignal): Promise<void> {
    const { client, server, world } = this.#parts;
    const { uid = '' } = job.metadata;
    const batches = client.for(rolloutBatches);
    const call = { signal, fieldManager: FIELD_MANAGER };
    for (const batch of plan.remove)
      await deleteObject(batches, batch, { signal, propagationPolicy: 'Background' });
    for (const { round, batch } of plan.create) {
      const made = await createOwned(batches, batch, job, call);
      world.writtenBatches.record(keyOf(job), made);
      if (made.metadata.uid !== undefined)
        await server.gateBatchCreated(uid, round.id, made.metadata.uid, { signal });
    }
    const spec = { suspend: job.spec.suspend };
    for (const batch of plan.change) {
      const { resourceVersion } = batch.metadata;
      const patch = { type: 'merge', body: { metadata: { resourceVersion }, spec } } as const;
      world.writtenBatches.record(keyOf(job), await batches.patch(keyOf(batch), patch, call));
    }
  }

  async #hindrance(
    job: SynthesisJob,
    state: SynthesisState,
    worker: Job | undefined,
    batches: readonly RolloutBatch[],
    signal: AbortSignal,
  ): Promise<Hindrance | undefined> {
    const { clock, shortages, world } = this.#parts;
    const { uid = '' } = job.metadata;
    const pods = world.pods.byIndex('synthesis', uid);
    const found = ofServer(state) ?? ofWorkerPods(pods) ?? ofBatches(batches);
    if (found !== undefined || worker === undefined) return found;
    if (hasFailed(worker))
      return {
        reason: 'WorkerFailing',
        message: `the worker ended without a word; it is started again. See: kubectl describe job ${worker.metadata.name} --namespace ${worker.metadata.namespace}`,
      };
    const short = shortJob(
      [worker],
      [],
      new Map([[worker.metadata.name, pods.length === 0 ? 1 : 0]]),
      clock.now(),
    );
    const words = await shortages.words(uid, short, { signal });
    return words === undefined ? undefined : { reason: 'PodsForbidden', message: words };
  }

  async #ended(job: SynthesisJob, signal: AbortSignal): Promise<ReconcileResult> {
    const leftMs = msUntilExpiry(job, this.#parts.clock.now());
    if (leftMs !== undefined && leftMs <= 0) {
      const synthesis = this.#parts.client.for(synthesisJobs);
      await deleteObject(synthesis, job, { signal, propagationPolicy: 'Background' });
      return DONE;
    }
    const write = await this.#parts.status.write(job, endedStatus(job), signal);
    return earliest(leftMs, write.kind === 'postponed' ? write.waitMs : undefined);
  }

  /** Milliseconds until it may be written, where that has to wait. */
  async #write(view: StatusView, signal: AbortSignal): Promise<number | undefined> {
    const { clock, status } = this.#parts;
    const { job } = view;
    const next = synthesisStatus(view, clock.now());
    const notes = transitionNotes(job, job.status?.conditions, next.conditions);
    const write = await status.write(job, next, signal, notes);
    return write.kind === 'postponed' ? write.waitMs : undefined;
  }
}

function refused(error: KubeError | undefined): Hindrance | undefined {
  return error && { reason: 'JobsForbidden', message: refusalWords(error) };
}
