import { type AttemptId, asRolloutId, type RolloutId, type Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { ModelHold } from '../../protocol/model-hold.ts';
import type { Shape } from '../../protocol/operator-api.ts';
import type { Outcome } from '../../rollouts/outcome.ts';
import type {
  AttemptCounts,
  BatchNote,
  GateRunRow,
  JobRow,
  WorkItem,
  WorkRow,
} from '../../store/cluster-records.ts';
import type { AttemptRow, BatchRow, RolloutRow, VerificationRow } from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import type { TaskEntry, TaskSet } from '../../tasks/task-set.ts';
import type { BatchSettings } from '../planning/batch-settings.ts';
import { agentOfSample } from './batch-agents.ts';
import type { FrozenSpec } from './frozen-spec.ts';
import { GradingTries } from './grading-tries.ts';
import { type NextWork, nextWork } from './next-work.ts';
import type { PlanAgents } from './plan-agents.ts';
import type { BatchShapes } from './shapes.ts';
import { workKey } from './work-key.ts';

/** What is fixed for a batch's whole life. */
export interface PlannedBatch extends PlanAgents {
  readonly row: BatchRow;
  readonly frozen: FrozenSpec;
  readonly settings: BatchSettings;
  readonly shapes: BatchShapes;
  /** The tasks of the batch; blobs are those of the whole set. */
  readonly tasks: ReadonlyMap<string, TaskEntry>;
  readonly blobs: TaskSet['blobs'];
}

export interface LiveRollout {
  readonly row: Omit<RolloutRow, 'decision'>;
  readonly task: Task;
  readonly decided:
    | { readonly outcome: Outcome; readonly at: number; readonly reason?: string }
    | undefined;
  readonly attempts: readonly AttemptRow[];
  readonly verifications: readonly VerificationRow[];
  /** Undefined for a decided rollout. */
  readonly next: NextWork | undefined;
}

export interface LiveJob {
  readonly row: JobRow;
  readonly items: readonly WorkItem[];
  readonly settled: Set<number>;
}

/** Rows of a batch as they are stored. */
export interface BatchRows {
  readonly rollouts: readonly RolloutRow[];
  /** Of undecided rollouts. */
  readonly attempts: readonly AttemptRow[];
  readonly verifications: readonly VerificationRow[];
  readonly gateRuns: readonly GateRunRow[];
  readonly jobs: readonly { readonly row: JobRow; readonly rows: readonly WorkRow[] }[];
  readonly counts: AttemptCounts;
  readonly notes: Readonly<Partial<Record<BatchNote, string>>>;
}

/**
 * A batch in memory, so that its state is polled without asking the store. The store is written first;
 * then the change is told here. One process owns the store, so the two agree.
 */
export class LiveBatch {
  readonly planned: PlannedBatch;
  readonly notes: Partial<Record<BatchNote, string>>;
  /** Why its source gives nothing now; known to this process alone. */
  sourceGone: string | undefined;
  /** When a download for that was begun, ms since the epoch. */
  sourceLookedAt: number | undefined;
  /** Why the model keeps its rollouts from starting; known to this process alone. */
  modelHold: ModelHold | undefined;
  readonly counts: { attempts: number; infraFailures: number; disruptions: number };
  readonly #rollouts: LiveRollout[] = [];
  readonly #positions = new Map<RolloutId, number>();
  readonly #byTask = new Map<Sha256, number[]>();
  readonly #gateRuns = new Map<Sha256, GateRunRow[]>();
  readonly #jobs = new Map<string, LiveJob>();
  /** Work that a live Job carries, with the Job's name and its row there. */
  readonly #carried = new Map<string, { readonly job: string; readonly index: number }>();
  /** In memory; read again from the evidence of their pods after a restart. */
  readonly gradingTries: GradingTries;
  readonly generations = { rollout: 0, verify: 0 };

  constructor(planned: PlannedBatch, rows: BatchRows, now: number) {
    this.planned = planned;
    this.gradingTries = new GradingTries(planned.settings.retries);
    this.notes = { ...rows.notes };
    const { attempts, classes } = rows.counts;
    this.counts = {
      attempts,
      infraFailures: classes.infra_error ?? 0,
      disruptions: classes.disruption ?? 0,
    };
    for (const run of rows.gateRuns) this.#keepGateRun(run);
    const byRollout = Map.groupBy(rows.attempts, (attempt) => attempt.rollout);
    const byAttempt = Map.groupBy(rows.verifications, (row) => row.attempt);
    for (const row of rows.rollouts) {
      const own = byRollout.get(row.id) ?? [];
      this.#put(
        row,
        own,
        own.flatMap((attempt) => byAttempt.get(attempt.id) ?? []),
        now,
      );
    }
    for (const { row, rows: items } of rows.jobs) this.addJob(row, items);
  }

  get rollouts(): readonly LiveRollout[] {
    return this.#rollouts;
  }

  get jobs(): Iterable<LiveJob> {
    return this.#jobs.values();
  }

  job(name: string): LiveJob | undefined {
    return this.#jobs.get(name);
  }

  at(position: number): LiveRollout {
    const rollout = this.#rollouts[position];
    if (rollout === undefined) {
      throw new ClawError('NotFound', `batch ${this.planned.row.id} has no rollout ${position}`);
    }
    return rollout;
  }

  of(id: RolloutId): LiveRollout {
    return this.at(this.#positions.get(id) ?? -1);
  }

  has(id: RolloutId): boolean {
    return this.#positions.has(id);
  }

  ofAttempt(attempt: AttemptId): LiveRollout {
    return this.of(asRolloutId(attempt.slice(0, attempt.lastIndexOf('#'))));
  }

  /** The rollout's rows as they are stored now. */
  update(
    row: RolloutRow,
    attempts: readonly AttemptRow[],
    verifications: readonly VerificationRow[],
    now: number,
  ): LiveRollout {
    this.#countNew(this.of(row.id).attempts, attempts);
    return this.#put(row, attempts, verifications, now);
  }

  /** Positions of undecided rollouts of the task, whose next work may be another now. */
  gateRan(run: GateRunRow, now: number): readonly LiveRollout[] {
    if (!this.#keepGateRun(run)) return [];
    const positions = this.#byTask.get(run.taskDigest) ?? [];
    return positions
      .map((position) => this.at(position))
      .filter(({ next }) => next !== undefined)
      .map((rollout) => this.recompute(rollout, now));
  }

  gateRunsOf(task: Sha256): readonly GateRunRow[] {
    return this.#gateRuns.get(task) ?? [];
  }

  recompute(rollout: LiveRollout, now: number, gradingExhausted = false): LiveRollout {
    const { row, task, attempts, verifications } = rollout;
    const next = nextWork({
      task,
      settings: this.planned.settings,
      retriesFrom: row.retriesFrom,
      attempts,
      verifications,
      gateRuns: this.gateRunsOf(row.taskDigest),
      gradingExhausted,
      now,
    });
    const updated = { ...rollout, next };
    this.#rollouts[row.position] = updated;
    return updated;
  }

  addJob(row: JobRow, rows: readonly WorkRow[]): LiveJob {
    const items = rows.map(({ item }) => item);
    const settled = new Set(rows.filter((one) => one.settled).map(({ index }) => index));
    const job = { row, items, settled };
    this.noteGeneration(row);
    if (!row.live) return job;
    this.#jobs.set(row.name, job);
    for (const [index, item] of items.entries()) {
      if (!settled.has(index)) this.#carried.set(workKey(item), { job: row.name, index });
    }
    return job;
  }

  noteGeneration({ shape, generation }: Pick<JobRow, 'shape' | 'generation'>): void {
    this.generations[shape.phase] = Math.max(this.generations[shape.phase], generation);
  }

  setJobUid(name: string, uid: string): void {
    const job = this.#jobs.get(name);
    if (job !== undefined) this.#jobs.set(name, { ...job, row: { ...job.row, uid } });
  }

  jobOver(name: string): void {
    const job = this.#jobs.get(name);
    this.#jobs.delete(name);
    for (const item of job?.items ?? []) {
      const key = workKey(item);
      if (this.#carried.get(key)?.job === name) this.#carried.delete(key);
    }
  }

  carries(item: WorkItem): boolean {
    return this.#carried.has(workKey(item));
  }

  settle(item: WorkItem): void {
    const key = workKey(item);
    const carried = this.#carried.get(key);
    if (carried === undefined) return;
    this.#carried.delete(key);
    this.#jobs.get(carried.job)?.settled.add(carried.index);
  }

  shapeOf(item: WorkItem): Shape {
    const { shapes, agents } = this.planned;
    if (item.kind === 'rollout') {
      const { task, row } = this.at(item.position);
      return shapes.ofRollout(task, agentOfSample(agents, row.sample).programMiB(task));
    }
    if (item.kind === 'gate')
      return shapes.ofVerification(this.taskByDigest(item.taskDigest), 'gate');
    return shapes.ofVerification(this.ofAttempt(item.attempt).task, item.verification);
  }

  taskByDigest(digest: Sha256): Task {
    return this.at(this.#byTask.get(digest)?.[0] ?? -1).task;
  }

  #put(
    row: RolloutRow,
    attempts: readonly AttemptRow[],
    verifications: readonly VerificationRow[],
    now: number,
  ): LiveRollout {
    const { decision, ...planned } = row;
    const entry = this.planned.tasks.get(row.taskId);
    if (entry === undefined) {
      throw new ClawError('Internal', `rollout ${row.id} is of a task that its set lacks`);
    }
    if (!this.#positions.has(row.id)) {
      const known = this.#byTask.get(row.taskDigest);
      if (known === undefined) this.#byTask.set(row.taskDigest, [row.position]);
      else known.push(row.position);
    }
    this.#positions.set(row.id, row.position);
    const base = { row: planned, task: entry.task, next: undefined };
    if (decision !== undefined) {
      // What a decided rollout was made of is read from the store where somebody asks.
      const { outcome, decidedAt: at, reason } = decision;
      const decided = { outcome, at, ...(outcome === 'not_gradable' && { reason }) };
      const rollout = { ...base, decided, attempts: [], verifications: [] };
      this.#rollouts[row.position] = rollout;
      return rollout;
    }
    return this.recompute({ ...base, decided: undefined, attempts, verifications }, now);
  }

  #countNew(before: readonly AttemptRow[], now: readonly AttemptRow[]): void {
    const classOf = new Map(before.map(({ id, close }) => [id, close?.class]));
    for (const { id, close } of now) {
      if (!classOf.has(id)) this.counts.attempts += 1;
      if (close === undefined || classOf.get(id) !== undefined) continue;
      if (close.class === 'infra_error') this.counts.infraFailures += 1;
      if (close.class === 'disruption') this.counts.disruptions += 1;
    }
  }

  /** False for a run that was known. */
  #keepGateRun(run: GateRunRow): boolean {
    const known = this.#gateRuns.get(run.taskDigest) ?? [];
    if (known.some(({ gate }) => gate === run.gate)) return false;
    this.#gateRuns.set(run.taskDigest, [...known, run]);
    return true;
  }
}
