import type { BatchId, Sha256 } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { AttemptRow, RolloutRow } from '../store/records.ts';
import { callTree } from './call-tree.ts';
import { type Exclusion, type ExportFilter, exclusion } from './export-filter.ts';
import { type MessagesRow, messagesRows } from './messages-row.ts';
import { readCalls } from './read-calls.ts';
import { type Split, type SplitRule, splitOf } from './split-clusters.ts';

export const MESSAGES_TOOLS = 'messages-tools/v1';

/** What an export must know of a task. */
export interface ExportTask {
  readonly cluster: string;
  /** `sessionOpenings` of its turns. */
  readonly openings: readonly string[];
}

export interface ExportOptions {
  readonly filter: ExportFilter;
  readonly split: SplitRule;
  /** By digest. A rollout whose task is not here cannot be exported: `NotFound`. */
  readonly tasks: ReadonlyMap<Sha256, ExportTask>;
}

export interface ExportSource {
  readonly store: Pick<RecordReader, 'getBatch' | 'listRollouts' | 'listAttempts' | 'listCalls'>;
  readonly artifacts: Pick<ArtifactStore, 'read'>;
}

/** What an export holds, and why it does not hold the rest: every rollout is counted once. */
export interface ExportManifest {
  readonly format: typeof MESSAGES_TOOLS;
  readonly batches: readonly { readonly id: string; readonly taskSet: string }[];
  readonly filter: ExportFilter;
  readonly split: SplitRule;
  readonly rollouts: { readonly seen: number; readonly taken: number };
  readonly excluded: Readonly<Record<Exclusion, number>>;
  readonly splits: Readonly<Record<Split, SplitCount>>;
}

interface SplitCount {
  readonly rows: number;
  readonly rollouts: number;
  readonly clusters: number;
  readonly tasks: number;
  /** Of those tasks, in order. */
  readonly taskDigests: readonly string[];
}

/** One line of an export, without its line feed. */
export interface ExportLine {
  readonly split: Split;
  readonly text: string;
}

/**
 * Yields the rows of the batches in plan order and returns the manifest. The same records always give
 * the same lines. Only the attempt that decided a rollout is exported.
 */
export async function* exportMessages(
  source: ExportSource,
  batches: readonly BatchId[],
  options: ExportOptions,
): AsyncGenerator<ExportLine, ExportManifest> {
  const tally = new Tally();
  const sets: { readonly id: string; readonly taskSet: string }[] = [];
  for (const id of batches) {
    const batch = await source.store.getBatch(id);
    if (batch === undefined) {
      throw new ClawError('NotFound', `batch ${id} is not in the record store`);
    }
    sets.push({ id, taskSet: batch.taskSet });
    for (const rollout of await source.store.listRollouts(id)) {
      const rows = await rowsOf(source, rollout, options);
      if (typeof rows === 'string') tally.leftOut(rows);
      else yield* taken(rows, options.split, tally);
    }
  }
  const { filter, split } = options;
  return { format: MESSAGES_TOOLS, batches: sets, filter, split, ...tally.counts() };
}

function* taken(
  rows: readonly MessagesRow[],
  rule: SplitRule,
  tally: Tally,
): Generator<ExportLine> {
  for (const row of rows) {
    const split = splitOf(row.task.cluster, rule);
    tally.row(split, row);
    // Not canonical: templates print tools as they stand, and a model that learnt them with their keys
    // in another order meets a prompt that it does not know when it serves.
    yield { split, text: JSON.stringify(row) };
  }
}

async function rowsOf(
  { store, artifacts }: ExportSource,
  rollout: RolloutRow,
  { filter, tasks }: ExportOptions,
): Promise<readonly MessagesRow[] | Exclusion> {
  const { decision, taskDigest } = rollout;
  const score = decision?.score.final ?? null;
  const why = exclusion(decision && { outcome: decision.outcome, score }, filter);
  if (why !== undefined) return why;
  const attempt = (await store.listAttempts(rollout.id)).find(({ id }) => id === decision?.attempt);
  if (decision === undefined || attempt === undefined || score === null) return 'noCalls';
  const task = tasks.get(taskDigest);
  if (task === undefined) {
    throw new ClawError(
      'NotFound',
      `task ${rollout.taskId} (${taskDigest.slice(0, 12)}) of ${rollout.id} is in no given task set: name the tasks that the batch ran`,
    );
  }
  const calls = await boundedCalls(attempt, { store, artifacts });
  if (calls === undefined) return 'tooLarge';
  const facts = { rollout, attempt, cluster: task.cluster, outcome: decision.outcome, score };
  const rows = messagesRows(callTree(calls, task.openings), lineageOf(facts));
  return rows.length === 0 ? 'noCalls' : rows;
}

/** Of one attempt, requests and answers: 64 calls of a full context of 512 Ki tokens. */
const MAX_CALL_BYTES = 128 * 1024 * 1024;

/** Undefined where the agent sent more than is ever read at once. */
async function boundedCalls({ id }: AttemptRow, { store, artifacts }: ExportSource) {
  try {
    const limits = { maxBytes: MAX_CALL_BYTES, completeOnly: true };
    return await readCalls(id, store, artifacts, limits);
  } catch (thrown) {
    if (thrown instanceof ClawError && thrown.code === 'TooLarge') return undefined;
    throw thrown;
  }
}

interface RowFacts {
  readonly rollout: RolloutRow;
  readonly attempt: AttemptRow;
  readonly cluster: string;
  readonly outcome: string;
  readonly score: number;
}

function lineageOf({ rollout, attempt, cluster, outcome, score }: RowFacts) {
  return {
    batch: rollout.batch,
    rollout: rollout.id,
    attempt: attempt.id,
    // A task without a lineage is one of its own: its rows stay together all the same.
    task: { id: rollout.taskId, digest: rollout.taskDigest, cluster: cluster || rollout.taskId },
    harness: { name: attempt.harness.name, version: attempt.harness.version },
    outcome,
    reward: score,
  };
}

class Tally {
  readonly #excluded: Record<Exclusion, number> = {
    undecided: 0,
    missingData: 0,
    outcome: 0,
    noScore: 0,
    score: 0,
    noCalls: 0,
    tooLarge: 0,
  };
  readonly #splits = {
    train: { rows: 0, rollouts: new Set(), clusters: new Set(), tasks: new Set<string>() },
    validation: { rows: 0, rollouts: new Set(), clusters: new Set(), tasks: new Set<string>() },
  };

  leftOut(why: Exclusion): void {
    this.#excluded[why] += 1;
  }

  row(split: Split, { rollout, task }: MessagesRow): void {
    const count = this.#splits[split];
    count.rows += 1;
    count.rollouts.add(rollout);
    count.clusters.add(task.cluster);
    count.tasks.add(task.digest);
  }

  counts(): Pick<ExportManifest, 'rollouts' | 'excluded' | 'splits'> {
    const splits = { train: this.#split('train'), validation: this.#split('validation') };
    const takenRollouts = splits.train.rollouts + splits.validation.rollouts;
    const left = Object.values(this.#excluded).reduce((sum, count) => sum + count, 0);
    const rollouts = { seen: takenRollouts + left, taken: takenRollouts };
    return { rollouts, excluded: { ...this.#excluded }, splits };
  }

  #split(split: Split): SplitCount {
    const { rows, rollouts, clusters, tasks } = this.#splits[split];
    const counts = { rollouts: rollouts.size, clusters: clusters.size, tasks: tasks.size };
    return { rows, ...counts, taskDigests: [...tasks].toSorted() };
  }
}
