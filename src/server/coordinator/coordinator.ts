import { asBatchId, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { ClawGymServer } from '../../protocol/claw-gym-server.ts';
import {
  BATCH_DELETED,
  type BatchState,
  type BenchResultsAnswer,
  type BenchResultsBody,
  type ExpectImportBody,
  type JobState,
  type OpenBatch,
  type PlanBatchBody,
  type RolloutLines,
  type TaskSetAnswer,
  type TaskSourceBody,
} from '../../protocol/operator-api.ts';
import type { PodEvidence } from '../../protocol/pod-evidence.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore, JobOverCause, WorkItem } from '../../store/cluster-records.ts';
import { gateLines } from '../../store/gate-lines.ts';
import type { UpstreamQuestions } from '../upstreams/upstream-questions.ts';
import type { AgentImages } from './batch-agents.ts';
import type { BatchDirectory } from './batch-directory.ts';
import { exportsNote, makeExports } from './batch-exports.ts';
import { batchState, jobState, waitingItems } from './batch-state.ts';
import type { BenchStatistics } from './bench-results.ts';
import { checkModel } from './check-model.ts';
import { type BatchSpec, parseBatchSpec, readFrozen, refuseOtherSpec } from './frozen-spec.ts';
import type { LiveBatch } from './live-batch.ts';
import { holdForModel } from './model-hold.ts';
import { agentChangedReason } from './plan-agents.ts';
import { planBatchRows } from './plan-batch.ts';
import type { PodJudge } from './pod-judge.ts';
import { resolveWholeSource, type SourceDeps } from './resolve-source.ts';
import { batchResults } from './results-artifact.ts';
import type { RolloutKeeper } from './rollout-keeper.ts';
import { taskSetAnswer } from './task-set-answer.ts';
import type { TaskSetImports } from './task-set-imports.ts';
import { URL_PAUSE_MS, type UrlNow, urlNow } from './url-now.ts';

export interface CoordinatorOptions {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly directory: BatchDirectory;
  readonly keeper: RolloutKeeper;
  readonly judge: PodJudge;
  readonly statistics: BenchStatistics;
  readonly sources: SourceDeps;
  readonly imports: Pick<TaskSetImports, 'expect'>;
  readonly images: AgentImages;
  readonly questions: Pick<UpstreamQuestions, 'look'>;
  readonly clock: Clock;
}

type NewJob = Parameters<ClawGymServer['newJob']>[1];

/** What the operator asks of the server (design: cluster.md 4), over rows; the HTTP side is a shell. */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #turns = new InTurn();
  readonly #planning = new Map<string, Promise<BatchState>>();
  readonly #finishing = new Map<string, Promise<Sha256>>();

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /**
   * Plans a batch, or says how a known one stands and whether its source has changed since. A source
   * can take longer to read than a caller waits: who asks the same again joins what is under way.
   */
  async plan(uid: string, body: PlanBatchBody, signal: AbortSignal): Promise<BatchState> {
    const key = `${uid} ${sha256(canonicalJson(body))}`;
    const planning = this.#planning.get(key) ?? this.#plan(uid, body, signal);
    this.#planning.set(key, planning);
    try {
      return await planning;
    } finally {
      if (this.#planning.get(key) === planning) this.#planning.delete(key);
    }
  }

  async #plan(uid: string, body: PlanBatchBody, signal: AbortSignal): Promise<BatchState> {
    const spec = parseBatchSpec(body.name, body.spec);
    return await this.#turns.run(uid, async () => {
      const { directory, store, clock, images, sources } = this.#options;
      const known = await directory.find(asBatchId(uid));
      if (known !== undefined) return await this.#again(known, body, spec, signal);
      const model = await checkModel(body, spec, this.#options.artifacts);
      const set = await resolveWholeSource(body.source, sources, signal);
      const plan = await planBatchRows(uid, body, spec, set, { images, now: clock.now() });
      await store.planBatch(plan.row, plan.rollouts);
      for (const digest of model) await store.pinArtifact(plan.row.id, digest);
      return this.#answer(await directory.get(plan.row.id));
    });
  }

  async state(uid: string): Promise<BatchState> {
    const batch = await this.#batch(uid);
    await this.#options.keeper.settlePending(batch);
    return this.#answer(batch);
  }

  /** What is to be done still, whether somebody asks for it or not. */
  async openBatches(): Promise<readonly OpenBatch[]> {
    return (await this.#options.store.openBatches()).flatMap((row) => {
      const frozen = readFrozen(row);
      if (frozen === undefined) return [];
      return [{ uid: row.id, namespace: frozen.namespace, name: frozen.name }];
    });
  }

  async newJob(uid: string, body: NewJob): Promise<JobState> {
    const batch = await this.#batch(uid);
    return await this.#turns.run(uid, async () => {
      const { store, clock } = this.#options;
      const jobs = await store.listJobs(batch.planned.row.id);
      const known = jobs.find(({ name }) => name === body.name);
      if (known !== undefined) return jobState(known);
      holdForModel(batch, this.#options.questions);
      const items = waitingItems(batch)
        .filter((item) => batch.shapeOf(item).id === body.shapeId)
        .slice(0, body.max);
      const shape = items[0] && batch.shapeOf(items[0]);
      if (shape === undefined) {
        const { agentChanged } = batch.planned;
        const held = agentChanged ? agentChangedReason(agentChanged) : batch.modelHold?.message;
        throw new ClawError(
          'Conflict',
          `batch ${uid}: no work of shape ${body.shapeId} waits for Job ${body.name}; ${held ?? 'read the state again'}`,
          { retryable: true },
        );
      }
      const { namespace } = batch.planned.frozen;
      const { name, generation } = body;
      const job = { name, batch: batch.planned.row.id, namespace, shape, generation };
      const row = await store.newJob({ ...job, createdAt: clock.now() }, items);
      batch.addJob(row, await store.rowsOf(row));
      return jobState(row);
    });
  }

  async jobCreated(uid: string, name: string, jobUid: string): Promise<void> {
    const batch = await this.#batch(uid);
    await this.#options.store.setJobUid(await this.#jobOf(batch, name), jobUid);
    batch.setJobUid(name, jobUid);
  }

  /** Attempts that are still open then have lost their pods without a word. */
  async jobOver(uid: string, name: string, cause: JobOverCause): Promise<void> {
    const batch = await this.#batch(uid);
    const job = await this.#jobOf(batch, name);
    const { store } = this.#options;
    for (const { item, settled } of await store.rowsOf(job)) {
      if (!settled && item.kind === 'rollout') await this.#closeLeft(batch, item, cause);
    }
    await store.jobOver(job, cause);
    batch.jobOver(name);
  }

  /** Uids of the pods that say nothing more and may be deleted. */
  async evidence(uid: string, pods: readonly PodEvidence[]): Promise<readonly string[]> {
    const batch = await this.#batch(uid);
    const { store, judge } = this.#options;
    const told = pods.map(async (pod) => {
      const stored = await store.putEvidence(batch.planned.row.id, pod);
      const item = await this.#itemOf(batch, stored);
      // A pod of a Job that is not ours to know says nothing about a rollout.
      const over = item === undefined || (await judge.judge(batch, item, stored));
      return over ? [pod.podUid] : [];
    });
    return (await Promise.all(told)).flat();
  }

  async cancel(uid: string, reason: string): Promise<void> {
    const batch = await this.#batch(uid);
    const { store, keeper } = this.#options;
    await store.setBatchNote(batch.planned.row.id, 'cancelled', reason);
    batch.notes.cancelled = reason;
    const undecided = batch.rollouts.filter(({ next }) => next !== undefined);
    await Promise.all(
      undecided.map(({ row }) => keeper.inTurn(row.id, () => keeper.cancel(batch, row.id, reason))),
    );
    if (reason !== BATCH_DELETED) return;
    for (const { row } of [...batch.jobs]) await this.jobOver(uid, row.name, 'lost');
  }

  /** Exports can take longer than a caller waits: who asks again joins what is under way. */
  async finish(uid: string): Promise<Sha256> {
    const finishing = this.#finishing.get(uid) ?? this.#finish(uid);
    this.#finishing.set(uid, finishing);
    try {
      return await finishing;
    } finally {
      if (this.#finishing.get(uid) === finishing) this.#finishing.delete(uid);
    }
  }

  async #finish(uid: string): Promise<Sha256> {
    const batch = await this.#batch(uid);
    await this.#options.keeper.settlePending(batch);
    const { store, artifacts } = this.#options;
    const { id } = batch.planned.row;
    const rows = await store.listRollouts(id);
    const undecided = rows.filter(({ decision }) => decision === undefined).length;
    if (undecided > 0) {
      throw new ClawError('Conflict', `batch ${uid}: ${undecided} rollouts are not decided yet`);
    }
    const { digest } = await artifacts.put(Buffer.from(batchResults(rows)));
    await this.#export(batch);
    // Last: who sees results sees the exports too.
    await store.setBatchNote(id, 'results', digest);
    batch.notes.results = digest;
    return digest;
  }

  async #export({ planned, notes }: LiveBatch): Promise<void> {
    if (notes.exports !== undefined || (planned.frozen.spec.exports ?? []).length === 0) return;
    const { store, artifacts } = this.#options;
    const made = exportsNote(await makeExports(planned, { store, artifacts }));
    await store.setBatchNote(planned.row.id, 'exports', made);
    notes.exports = made;
  }

  async rollouts(uid: string): Promise<RolloutLines> {
    const batch = await this.#batch(uid);
    return gateLines(await this.#options.store.listRollouts(batch.planned.row.id));
  }

  async benchResults(uid: string, body: BenchResultsBody): Promise<BenchResultsAnswer> {
    return await this.#options.statistics.answer(uid, body);
  }

  async taskSet(source: TaskSourceBody, signal: AbortSignal): Promise<TaskSetAnswer> {
    return await taskSetAnswer(await resolveWholeSource(source, this.#options.sources, signal));
  }

  expectImport(podUid: string, body: ExpectImportBody): void {
    this.#options.imports.expect(podUid, body);
  }

  #answer(batch: LiveBatch): BatchState {
    holdForModel(batch, this.#options.questions);
    return batchState(batch);
  }

  async #batch(uid: string): Promise<LiveBatch> {
    return await this.#options.directory.get(asBatchId(uid));
  }

  async #again(
    batch: LiveBatch,
    body: PlanBatchBody,
    spec: BatchSpec,
    signal: AbortSignal,
  ): Promise<BatchState> {
    const { frozen, row } = batch.planned;
    if (frozen.namespace !== body.namespace || frozen.name !== body.name) {
      throw new ClawError(
        'Conflict',
        `batch ${row.id} is RolloutBatch ${frozen.namespace}/${frozen.name}, not ${body.namespace}/${body.name}`,
      );
    }
    refuseOtherSpec(frozen, spec);
    await this.#noteSource(batch, body.source, signal);
    return this.#answer(batch);
  }

  /** What the source holds now is told, and nothing else: the batch keeps its tasks. */
  async #noteSource(batch: LiveBatch, source: TaskSourceBody, signal: AbortSignal): Promise<void> {
    const { sources } = this.#options;
    if (source.kind === 'url') {
      this.#lookAside(batch, source, signal);
      return;
    }
    const now = await resolveWholeSource(source, sources, signal).then(
      ({ digest }) => digest,
      (thrown: unknown) => {
        if (thrown instanceof ClawError) return undefined;
        throw thrown;
      },
    );
    if (now !== undefined) await this.#setSourceNow(batch, now);
  }

  /** A download may take minutes, and nothing of the batch depends on it. */
  #lookAside(
    batch: LiveBatch,
    { url, digest }: Extract<TaskSourceBody, { kind: 'url' }>,
    signal: AbortSignal,
  ): void {
    const { clock, sources } = this.#options;
    const now = clock.now();
    if (now - (batch.sourceLookedAt ?? batch.planned.row.createdAt) < URL_PAUSE_MS) return;
    batch.sourceLookedAt = now;
    // What fails here fails nobody: it is looked at again.
    void urlNow(url, sources, signal)
      .then((found) => this.#noteUrl(batch, digest, found))
      .catch(() => undefined);
  }

  /** Bytes that are not the pinned ones have no task set: their own digest stands for it. */
  async #noteUrl(batch: LiveBatch, pinned: Sha256, now: UrlNow): Promise<void> {
    batch.sourceGone = 'gone' in now ? now.gone : undefined;
    if ('gone' in now) return;
    await this.#setSourceNow(batch, now.digest === pinned ? batch.planned.row.taskSet : now.digest);
  }

  async #setSourceNow(batch: LiveBatch, now: Sha256): Promise<void> {
    const { store } = this.#options;
    if (now === (batch.notes.sourceNow ?? batch.planned.row.taskSet)) return;
    await store.setBatchNote(batch.planned.row.id, 'sourceNow', now);
    batch.notes.sourceNow = now;
  }

  async #jobOf(batch: LiveBatch, name: string) {
    const job = await this.#options.store.jobByName({ batch: batch.planned.row.id, name });
    if (job !== undefined) return job;
    throw new ClawError('NotFound', `batch ${batch.planned.row.id} has no Job ${name}`);
  }

  async #itemOf(batch: LiveBatch, pod: PodEvidence): Promise<WorkItem | undefined> {
    const ref = { batch: batch.planned.row.id, name: pod.jobName };
    const job = await this.#options.store.jobByName(ref);
    if (job === undefined) return undefined;
    // A Job of the same name that was deleted and made again by somebody else is none of ours.
    if (job.uid !== undefined && job.uid !== pod.jobUid) return undefined;
    return (await this.#options.store.rowOf(job, pod.index))?.item;
  }

  async #closeLeft(
    batch: LiveBatch,
    { position }: Extract<WorkItem, { kind: 'rollout' }>,
    cause: JobOverCause,
  ): Promise<void> {
    const { keeper, judge } = this.#options;
    const { row } = batch.at(position);
    await keeper.inTurn(row.id, async () => {
      const { next } = batch.of(row.id);
      if (next?.do !== 'wait') return;
      const ours = cause === 'paused' || cause === 'deadline' || cause === 'replaced';
      if (ours) {
        await keeper.close(batch, next.attempt, { class: 'cancelled', reason: 'JobReplaced' });
      } else if (!(await judge.lookAt(batch, next.attempt))) {
        await judge.judgeAttempt(batch, next.attempt, undefined);
      }
    });
  }
}
