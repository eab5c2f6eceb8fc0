import type { BatchId, RolloutId } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { proofGates } from '../../phases/gate-changes.ts';
import { classifyVerifyPod } from '../../rollouts/classify-verify-pod.ts';
import type { ClusterStore, GateRunRow } from '../../store/cluster-records.ts';
import type { RolloutRow } from '../../store/records.ts';
import type { AgentImages } from './batch-agents.ts';
import { readFrozen } from './frozen-spec.ts';
import { type BatchRows, LiveBatch, type LiveRollout, type PlannedBatch } from './live-batch.ts';
import { openPlan } from './plan-batch.ts';
import type { TaskSetShelf } from './task-set-shelf.ts';
import { verifierDeadline } from './verifier-deadline.ts';

export interface BatchDirectoryOptions {
  readonly store: ClusterStore;
  readonly shelf: TaskSetShelf;
  readonly images: AgentImages;
  readonly clock: Clock;
}

/** Decided batches that stay in memory. */
const KEEP_DECIDED = 50;

/** The batches of this store in memory, each read from its rows once. */
export class BatchDirectory {
  readonly #options: BatchDirectoryOptions;
  readonly #open = new Map<BatchId, Promise<LiveBatch | undefined>>();

  constructor(options: BatchDirectoryOptions) {
    this.#options = options;
  }

  /** Undefined for a batch that was never planned. */
  async find(id: BatchId): Promise<LiveBatch | undefined> {
    const known = this.#open.get(id);
    const opening = known ?? this.#load(id);
    if (known === undefined) this.#open.set(id, opening);
    try {
      const found = await opening;
      if (found === undefined) this.#open.delete(id);
      else if (known === undefined) await this.#dropDecided(id);
      return found;
    } catch (cause) {
      this.#open.delete(id);
      throw cause;
    }
  }

  async get(id: BatchId): Promise<LiveBatch> {
    const found = await this.find(id);
    if (found !== undefined) return found;
    throw new ClawError('NotFound', `no batch ${id} is planned in this store`);
  }

  /** Out of memory: its rows are about to go. */
  forget(id: BatchId): void {
    this.#open.delete(id);
  }

  /** Every batch in memory. */
  async opened(): Promise<readonly LiveBatch[]> {
    const all = await Promise.all(
      [...this.#open.values()].map((opening) => opening.catch(() => undefined)),
    );
    return all.filter((batch) => batch !== undefined);
  }

  /** Reads the rows of one rollout again after they were written. */
  async refresh(batch: LiveBatch, id: RolloutId): Promise<LiveRollout> {
    const { store, clock } = this.#options;
    const row = await store.getRollout(id);
    if (row === undefined) throw new ClawError('NotFound', `no rollout ${id}`);
    const attempts = await store.listAttempts(id);
    const last = attempts.at(-1);
    const verifications = last === undefined ? [] : await store.listVerifications(last.id);
    return batch.update(row, attempts, verifications, clock.now());
  }

  async #load(id: BatchId): Promise<LiveBatch | undefined> {
    const row = await this.#options.store.getBatch(id);
    if (row === undefined) return undefined;
    const frozen = readFrozen(row);
    if (frozen === undefined) return undefined;
    const { shelf, images, clock } = this.#options;
    const planned = await openPlan(row, frozen, await shelf.get(row.taskSet), images);
    const batch = new LiveBatch(planned, await this.#rows(planned), clock.now());
    await this.#countTries(batch);
    return batch;
  }

  /** Grading that the platform ended before this process began uses up its retries all the same. */
  async #countTries(batch: LiveBatch): Promise<void> {
    const { store, clock } = this.#options;
    if (batch.rollouts.every(({ next }) => next === undefined)) return;
    for (const { item, evidence, report } of await store.gradingEvidence(batch.planned.row.id)) {
      const found = classifyVerifyPod(evidence, {
        // Where its row came all the same, nobody asks for the item again.
        settled: false,
        problem: report,
        verifierSeconds: verifierDeadline(batch, item),
        now: clock.now(),
      });
      if (found.class === 'infra_error' || found.class === 'disruption')
        batch.gradingTries.note(item, evidence.podUid, found.class);
    }
  }

  async #rows({ row, frozen, tasks }: PlannedBatch): Promise<BatchRows> {
    const { store } = this.#options;
    const undecided = { undecided: true };
    const all = await store.listJobs(row.id);
    const jobs = [];
    for (const job of all) {
      jobs.push({ row: job, rows: job.live ? await store.rowsOf(job) : [] });
    }
    const rollouts = await store.listRollouts(row.id);
    return {
      rollouts,
      attempts: await store.attemptsOfBatch(row.id, undecided),
      verifications: await store.verificationsOfBatch(row.id, undecided),
      gateRuns: await this.#gateRuns(frozen.namespace, rollouts, tasks),
      jobs,
      counts: await store.countAttempts(row.id),
      notes: await store.batchNotes(row.id),
    };
  }

  async #gateRuns(
    namespace: string,
    rollouts: readonly RolloutRow[],
    tasks: PlannedBatch['tasks'],
  ): Promise<readonly GateRunRow[]> {
    const digests = new Set(
      rollouts.flatMap(({ taskId, taskDigest }) => {
        const task = tasks.get(taskId)?.task;
        return task === undefined || proofGates(task).length === 0 ? [] : [taskDigest];
      }),
    );
    const { store } = this.#options;
    const runs = [];
    for (const digest of digests) runs.push(...(await store.listGateRuns(namespace, digest)));
    return runs;
  }

  async #dropDecided(keep: BatchId): Promise<void> {
    const decided: BatchId[] = [];
    for (const batch of await this.opened()) {
      const live = [...batch.jobs].length > 0 || batch.rollouts.some(({ next }) => next);
      if (!live && batch.planned.row.id !== keep) decided.push(batch.planned.row.id);
    }
    for (const id of decided.slice(0, Math.max(0, decided.length - KEEP_DECIDED))) {
      this.#open.delete(id);
    }
  }
}
